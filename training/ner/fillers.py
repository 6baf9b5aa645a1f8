"""Values for the slots of the training templates: names, addresses, places, organizations and everyday numbers.

The tagger shall learn how names are built and what stands around them, not a list, so a third of all names are words
that nobody bears: drawn from character Markov chains and from Brazilian prefix-and-suffix style. Real-world word lists
come from the project's gazetteers and from Faker (MIT; at training time only). Look at samples with
``PYTHONPATH=bin python -m training.ner.fillers``.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from llamaflow.errors import BadInputError
from llamaflow.pii.checkdigits import cnpj_digits, cpf_digits, is_luhn
from llamaflow.pii.lexicon import read_list
from llamaflow.pii.spans import fold

# --- What is drawn how often -----------------------------------------------------------------------------------------

PSEUDO_SHARE = 0.35
# Of the pseudo given names in Portuguese, those built from prefix and suffix instead of by the Markov chain.
INVENTIVE_SHARE = 0.5
# Where a person of a text in each language has the name from.
GROUP_WEIGHTS = {
    "pt": {"pt": 75, "en": 5, "es": 4, "it": 4, "de": 3, "east_asia": 3, "arabic": 2, "slavic": 2, "fr": 1, "africa": 1},
    "en": {
        **{"en": 45, "es": 7, "south_asia": 6, "de": 5, "fr": 5, "nordic": 5, "slavic": 5, "east_asia": 4, "africa": 4, "it": 3},
        **{"nl": 3, "arabic": 3, "pt": 2, "east": 2, "greek": 1, "hu": 1, "ro": 1, "turkic": 1, "baltic": 1, "is": 1},
    },
}
# Locales of Faker by group; those in another script are transliterated.
GROUP_LOCALES = {
    "pt": ["pt_BR", "pt_PT"],
    "en": ["en", "en_US", "en_GB", "en_IE", "en_NZ"],
    "es": ["es_ES", "es_MX", "es_CO", "es_AR", "es_CL"],
    "fr": ["fr_FR", "fr_BE", "fr_CH", "fr_CA"],
    "it": ["it_IT"],
    "de": ["de_DE", "de_AT", "de_CH", "de_LU", "de_LI"],
    "nl": ["nl_NL", "nl_BE"],
    "nordic": ["sv_SE", "no_NO", "da_DK", "fi_FI"],
    "is": ["is_IS"],
    "slavic": ["pl_PL", "cs_CZ", "sk_SK", "hr_HR", "sl_SI"],
    "east": ["ru_RU", "uk_UA", "bg_BG"],
    "greek": ["el_GR"],
    "ro": ["ro_RO"],
    "hu": ["hu_HU"],
    "turkic": ["tr_TR", "az_AZ"],
    "baltic": ["lt_LT", "lv_LV", "et_EE"],
    "south_asia": ["en_IN", "en_PK", "id_ID"],
    "africa": ["en_KE", "en_NG", "yo_NG", "ig_NG", "ha_NG", "sw", "tw_GH", "zu_ZA"],
    "arabic": ["fr_DZ"],
    "east_asia": ["ja_JP", "zh_CN", "zh_TW", "vi_VN"],
}
GROUP_GAZETTEERS = {"pt": ("first_pt_f", "first_pt_m", "surnames_pt"), "en": ("first_en_f", "first_en_m", "surnames_en")}
# A list of the project's is drawn from as often as all of Faker's lists of the group together.
GAZETTEER_SHARE = 0.5

# Names in the groups that Faker has few or none of, as (given f, given m, surnames).
EXTRA_NAMES = {
    "arabic": (
        "Aisha Amina Fatima Hala Hanan Huda Khadija Laila Layla Leila Lina Mariam Maysa Nadia Noor Noura Rania Rima Salma Samira Yasmin "
        "Zainab",
        "Abdullah Ahmad Ali Amir Bilal Faisal Farid Hamza Hassan Hussein Ibrahim Jamal Karim Khalid Mahmoud Mohammed Mustafa Nabil Omar "
        "Rashid Samir "
        "Tariq Walid Yusuf Zaid",
        "Abbas Aboud Assad Aziz Bakr Darwish El-Amin Al-Farsi Al-Masri Al-Rashid Fayad Haddad Hakim Hariri Jaber Kassab Khoury Mansour "
        "Nasser Nasr "
        "Qureshi Rahman Saleh Salem Sarkis Shaheen Tannous Yazbek Zogbi Chedid Maluf",
    ),
    "east_asia": (
        "Akemi Emi Haruka Hina Kaori Keiko Mei Min-ji Ji-woo Seo-yeon Soo-jin Su-bin Ha-eun Yuki Yumi Xiaoling Meiling Lan Linh Mai Thu "
        "Trang Hoa",
        "Akira Daisuke Haruto Hiroshi Kenji Kenta Min-jun Ji-hoon Seung-ho Dong-hyun Joon-ho Sung-min Takashi Jianguo Wei Minh Duc Hung "
        "Quang Tuan",
        "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Ryu Hong Nguyen Tran Pham Le Hoang Huynh Vo "
        "Dang Bui Do",
    ),
    "south_asia": (
        "Ananya Deepika Divya Kavita Lakshmi Meera Neha Nisha Pooja Priya Radha Ritu Shreya Sunita Swati Thilini Nadeesha Fathima Nusrat",
        "Amit Anil Arjun Deepak Harish Karthik Manoj Nikhil Prakash Rahul Rajesh Ravi Rohan Sanjay Suresh Vijay Vikram Nuwan Tanvir",
        "Banerjee Bhattacharya Chatterjee Chowdhury Desai Fernando Gunawardena Hossain Iyer Jayasuriya Kulkarni Menon Mukherjee Nair "
        "Patel Perera "
        "Rahman Raghunathan Silva Subramanian Venkataraman Wickramasinghe",
    ),
    "turkic": (
        "Elif Zeynep Ayşe",
        "Mehmet Emre Burak",
        "Kaya Demir Çelik Şahin Yıldız Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz "
        "Erdoğan Yavuz",
    ),
    "slavic": (
        "Agnieszka Małgorzata Joanna",
        "Krzysztof Wojciech Zbigniew",
        "Kowalski Nowak Wiśniewski Wójcik Kowalczyk Kamiński Lewandowska Zieliński Szymański Woźniak Dąbrowski Kozłowska Jankowski Mazur "
        "Krawczyk "
        "Piotrowski Grabowski Pawłowski Michalski Król Wieczorek Jabłoński Wróbel Nowakowski Majewski Olszewska Stępień Malinowski "
        "Jaworski Adamczyk",
    ),
    "ro": (
        "Ioana Andreea",
        "Andrei Mihai",
        "Popescu Ionescu Popa Radu Dumitrescu Stan Stoica Gheorghe Matei Ciobanu Rusu Munteanu Constantinescu Georgescu Marinescu "
        "Vasilescu Moldovan",
    ),
    "hu": (
        "Zsófia Eszter",
        "Gergő Bence",
        "Szabó Tóth Horváth Varga Kiss Molnár Németh Farkas Balogh Papp Takács Juhász Lakatos Mészáros Oláh",
    ),
    "baltic": (
        "Ieva Rasa",
        "Jonas Andrius",
        "Petrauskas Balčiūnas Žukauskas Stankevičius Butkus Paulauskas Urbonas Navickas Bērziņš Kalniņš Ozols Tamm",
    ),
}

# Letters of the scripts that Faker's Russian, Ukrainian, Bulgarian and Greek lists are in, after the usual passport romanizations.
_FOREIGN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяієїґ" + "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ"
_CYRILLIC = "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya i ye yi g"
_GREEK = "a v g d e z i th i k l m n x o p r s t y f ch ps o s a e i i o y o i y i y"
_LETTERS = dict(zip(_FOREIGN, f"{_CYRILLIC} {_GREEK}".split(" "), strict=True))

# --- The grammar -----------------------------------------------------------------------------------------------------
# A rule is a name, '=', and alternatives between '|'; it goes on in indented lines. An alternative that ends in ^3 counts three times.
# {name} is another rule or one of the word sources of Fillers; {=mask} is made of # (a digit), % (1-9), @ (A-Z) and ? (a-z).

GRAMMAR = r"""
n = {=%} | {=%#}^4 | {=%##}^5 | {=%###}^3 | {=%####}
small = {=%}^3 | {=%#}^2 | {=%##}^3 | {=%}{=@}
L = {=@}

br_way = Rua^8 | R.^3 | Avenida^3 | Av.^4 | Travessa | Tv. | Alameda | Al. | Rodovia | Rod. | Praça | Largo | Estrada | Viela | Beco
    | Ladeira | Servidão | Via | rua^2 | av
br_title = Dr. | Dra. | Doutor | Prof. | Professora | Coronel | Cel. | General | Gal. | Marechal | Mal. | Capitão | Padre | Pe. | Dom
    | Frei | Barão de | Visconde de | Conde de | Senador | Deputado | Governador | Presidente | Pres. | Brigadeiro | Tenente | Major
    | Comendador | Engenheiro | Irmã | Cônego
br_thing = das Acácias | dos Ipês | das Palmeiras | das Flores | do Sol | da Paz | das Laranjeiras | dos Pinheiros | das Oliveiras
    | do Comércio | da Matriz | das Hortênsias | dos Girassóis | da Independência | da República | XV de Novembro | Sete de Setembro
    | 13 de Maio | Primeiro de Maio | 25 de Março | dos Bandeirantes | das Nações | dos Estados | da Liberdade | Bela Vista
    | Boa Esperança | Tiradentes | Paulista | Atlântica | Beira-Mar | Central | das Araucárias | dos Jacarandás | do Rosário | da Aurora
    | dos Navegantes | das Mangueiras | do Cajueiro | da Várzea | das Pedras | do Porto | dos Operários | das Magnólias | dos Lírios
    | da Saudade | do Contorno | dos Expedicionários | das Quaresmeiras | do Riacho | da Estação
br_name = {br_thing}^5 | {first_pt} {last_pt}^4 | {br_title} {first_pt} {last_pt}^3 | {br_title} {last_pt} | {last_pt}^2
    | {first_pt} {last_pt} {last_pt} | São {first_pt_m} | Santa {first_pt_f} | {city_br} | {state_br} | {pseudo_town_pt}^2 | {country_pt}
    | {=%#} | {L}
br_no = {n}^8 | nº {n}^2 | n° {n} | no. {n} | s/n | S/N | número {n} | {=%#}-{=##} | km {n} | lote {small}
br_street = {br_way} {br_name}, {br_no}^10 | {br_way} {br_name} {br_no}^3 | {br_way} {br_name} - {br_no} | {br_way} {br_name} {n}^2
    | {road_br}, km {=%##}^2 | SQN {=%##} Bloco {L} | SQS {=%##} Bl. {L} Apto {=%##} | QNM {=%#} Conjunto {L} Casa {small}
    | CLN {=%##} Bloco {L} Loja {small} | Quadra {=%#} Lote {=%#} | QI {=%#} Conjunto {=%} Casa {=%#} | SHIS QL {=%#} Conjunto {=%}
    | Rua {=%#}, Qd. {=%##} Lt. {=%#} | Sítio {last_pt}, {br_way} {br_name} | Rua {L}, {n}^1 | Condomínio {br_thing}, casa {small}
road_br = BR-{=###} | SP-{=###} | MG-{=###} | RS-{=###} | Rodovia {br_title} {last_pt} | Rod. {first_pt} {last_pt} | Estrada {br_thing}
unit_pt = apto {small}^4 | apto. {=%##}^2 | ap {=%##}^2 | Apto {=%##} | apartamento {=%##}^2 | bloco {L}^2 | Bl. {L}, ap. {=%#}
    | bl {=%} ap {=%##} | casa {small}^2 | fundos | sobrado | sala {=%##}^2 | Sala {=%##}, {=%#}º andar | loja {small} | conj. {=%#}
    | conjunto {=%##} | torre {=%} apto {=%##} | casa {L} | {=%}º andar | cobertura {=%#} | Edifício {last_pt}, apto {=%##}
    | Ed. {br_thing}, sala {small} | galpão {small} | lote {small} | cs {=%}
br_cep = {=#####-###}^5 | {=########} | {=##.###-###}^1 | CEP {=#####-###}^3 | CEP: {=#####-###} | cep {=########}
br_in = {city_br} - {uf}^4 | {city_br}/{uf}^3 | {city_br}, {uf}^3 | {city_br}^2 | {city_br}-{uf} | {city_br} ({uf})
    | {city_br}, {state_br} | {pseudo_town_pt} - {uf}^2 | {pseudo_town_pt}/{uf}^2
br_address = {br_street}^4 | {br_street}, {unit_pt}^3 | {br_street} {unit_pt} | {br_street} - {unit_pt}
    | {br_street}, {neighbourhood_br}^2 | {br_street} - {neighbourhood_br}^2
    | {br_street}, {unit_pt}, {neighbourhood_br}, {br_in}, {br_cep}^2 | {br_street}, {neighbourhood_br}, {br_in}^3
    | {br_street} - {neighbourhood_br} - {br_in} - {br_cep}^2 | {br_street}, {br_in}, {br_cep}^2 | {br_street}, {br_in}^2
    | {br_street}, {unit_pt} - {neighbourhood_br}, {br_in}, Brasil | {br_cep}, {br_street}, {unit_pt}
    | {br_street} bairro {neighbourhood_br} {br_in}^2 | {br_in}, {br_street} | {br_street} {br_cep}
br_lines = {br_street}{nl}{unit_pt}{nl}{neighbourhood_br}{nl}{br_in}{nl}{br_cep}
    | {br_street}, {unit_pt}{nl}{neighbourhood_br} - {br_in}{nl}{br_cep}^2
    | {br_street}{nl}{neighbourhood_br}, {br_in}{nl}{br_cep}{nl}Brasil | {br_street}{nl}{br_cep} {br_in}^2
    | {br_street} - {neighbourhood_br}{nl}{br_in}^2 | {br_cep}{nl}{br_street}, {unit_pt}{nl}{br_in}
    | {br_street},{nl}{unit_pt},{nl}{br_in},{nl}{br_cep}

us_type = Street^4 | St^3 | St.^3 | Avenue^3 | Ave^2 | Ave. | Road^2 | Rd^2 | Rd. | Drive^2 | Dr | Lane^2 | Ln | Court | Ct | Boulevard
    | Blvd | Blvd. | Way | Place | Pl | Circle | Cir | Terrace | Ter | Parkway | Pkwy | Trail | Highway | Hwy | Square | Loop | Ridge
    | Crossing | Run | Pike | Alley | Path | Plaza | Hollow | Heights | Commons
en_thing = Elm | Oak | Maple | Cedar | Pine | Walnut | Chestnut | Willow | Birch | Spruce | Magnolia | Sycamore | Hickory | Main | High
    | Church | Mill | Park | Lake | Hill | Spring | River | Meadow | Sunset | Highland | Forest | Valley | Prospect | Union | Center
    | Bridge | Station | Market | Water | Front | Ferry | School | College | Broad | Canal | Liberty | Franklin | Washington | Jefferson
    | Lincoln | Jackson | Madison | Rosewood | Fox Hollow | Deer Run | Stone Creek | Holly | Orchard | Victoria | Queen | King | Albert
    | Mount Pleasant | Quarry | Heron | Larkspur | Juniper | Cherry Blossom | Old Mill | Bay | Harbor | Ocean | Cottonwood | Dogwood
en_name = {en_thing}^6 | {last_en}^5 | {first_en} {last_en} | {ordinal}^2 | {en_thing} {en_thing} | {pseudo_town_en}^2 | {city_us}
    | Martin Luther King Jr. | Old {last_en} | St. {first_en} | {compass} {en_thing}^2 | {compass} {ordinal}
ordinal = 1st | 2nd | 3rd | 4th | 5th | 6th | 7th | 8th | 9th | 10th | 11th | 12th | 1{=%}th | 2{=0}th | 21st | 32nd | 53rd | {=%}4th
    | {=%}5th | {=%}6th | {=%}7th | {=%}8th | {=%}9th | First | Second | Third | Fifth | 42nd
compass = N | S | E | W | N. | S. | E. | W. | North | South | East | West | NW | SE | NE | SW
us_street = {n} {en_name} {us_type}^12 | {n} {en_name} {us_type} {compass} | {n} Route {=%##} | {n} County Road {=%##}
    | {n} State Hwy {=%##} | {n} Broadway | {=%###}-{=%#} {en_name} {us_type} | {n} 1/2 {en_name} {us_type} | {n} Rural Route {=%}
unit_en = Apt {small}^4 | Apt. {small}^3 | Apartment {small}^2 | Suite {small}^4 | Ste {=%##}^2 | Ste. {=%##} | Unit {small}^3
    | #{small}^3 | Apt #{small} | Floor {=%#} | {=%#}th Floor | Room {=%##} | Rm {=%##} | Bldg {L} | Building {=%} | Flat {small}^2
    | Lot {small} | Apt {L} | Penthouse {=%} | Block {L}, Unit {small} | Level {=%} | Suite {=%##}{L} | Office {small}
us_zip = {=#####}^6 | {=#####-####}
us_in = {city_us}, {us_st} {us_zip}^6 | {city_us} {us_st} {us_zip}^2 | {city_us}, {state_us} {us_zip} | {city_us}, {us_st}^2
    | {city_us}, {state_us} | {pseudo_town_en}, {us_st} {us_zip}^5 | {pseudo_town_en} {us_st}, {us_zip}
us_address = {us_street}^4 | {us_street} {unit_en}^3 | {us_street}, {unit_en}^3 | {us_street}, {us_in}^4 | {us_street} {us_in}^2
    | {us_street}, {unit_en}, {us_in}^3 | {us_street} {unit_en} {us_in}^2 | {us_street}, {us_in}, USA^2
    | {us_street}, {unit_en}, {us_in}, United States | {us_street}, {city_us}^2 | {unit_en}, {us_street}, {us_in} | {us_in}, {us_street}
us_lines = {us_street}{nl}{us_in}^4 | {us_street}{nl}{unit_en}{nl}{us_in}^3 | {us_street}{nl}{us_in}{nl}USA
    | {us_street} {unit_en}{nl}{us_in}{nl}United States^2 | {us_street}{nl}{unit_en}{nl}{city_us}{nl}{us_st} {us_zip}
    | {us_street} {nl} {unit_en}{nl} {city_us}{nl} {state_us} {us_zip} | {us_street}{nl}{nl}{us_in} | {unit_en}{nl}{us_street}{nl}{us_in}
    | {us_street},{nl}{unit_en},{nl}{us_in}

uk_type = Road^5 | Street^4 | Lane^3 | Close^3 | Avenue^2 | Gardens^2 | Crescent^2 | Drive^2 | Way | Grove | Terrace | Place | Rd | St
    | Mews | Court | Rise | Hill | Green | Row | Walk | Park | Square
uk_post = {=@%} {=%@@} | {=@@%} {=%@@}^3 | {=@@%#} {=%@@}^2 | {=@%@} {=%@@} | {=@@%}{=%@@}
uk_street = {n} {en_name} {uk_type}^8 | Flat {small}, {n} {en_name} {uk_type}^2 | {=%#}{=@} {en_name} {uk_type}
    | {last_en} House, {en_name} {uk_type} | The Old Rectory, {en_name} {uk_type} | {en_thing} Cottage, {en_name} {uk_type}
    | Unit {small}, {last_en} Business Park
uk_address = {uk_street}^3 | {uk_street}, {city_uk}^2 | {uk_street}, {city_uk} {uk_post}^3 | {uk_street}, {city_uk}, {uk_post}^3
    | {uk_street}, {pseudo_town_en}, {county_uk}, {uk_post}^2 | {uk_street} {city_uk} {uk_post} | {uk_street}, {city_uk}, {uk_post}, UK
uk_lines = {uk_street}{nl}{city_uk}{nl}{uk_post}^3 | {uk_street}{nl}{pseudo_town_en}{nl}{county_uk}{nl}{uk_post}{nl}United Kingdom^2
    | {uk_street},{nl}{city_uk}{nl}{uk_post} | {n}{nl}{en_name} {uk_type}{nl}{city_uk}{nl}{uk_post}
au_address = {n} {en_name} {us_type}^2 | {small}/{n} {en_name} {us_type}, {city_au} {au_st} {=%###}^2
    | {n} {en_name} {us_type}, {city_au} {au_st} {=%###} | Level {=%}, {n} {en_name} {us_type}, {city_au}
    | {n} {en_name} {us_type}, {city_ca}, {ca_st} {=@#@} {=#@#}^2 | Unit {small} - {n} {en_name} {us_type} {city_ca} {ca_st}
au_lines = {n} {en_name} {us_type}{nl}{city_au} {au_st} {=%###}{nl}Australia
    | {small}/{n} {en_name} {us_type}{nl}{city_au}  {au_st}  {=%###}
    | {n} {en_name} {us_type}{nl}{city_ca}, {ca_st}  {=@#@} {=#@#}{nl}Canada
    | {n} {en_name} {us_type}{nl}{pseudo_town_en}{nl}{city_ca} {ca_st} {=@#@ #@#}
au_st = NSW | VIC | QLD | WA | SA | TAS | ACT | NT | New South Wales | Victoria | Queensland
ca_st = ON | BC | QC | AB | MB | SK | NS | NB | NL | Ontario | Quebec | British Columbia

de_street = {last_de}straße {n}^3 | {last_de}str. {n}^2 | {last_de}strasse {n} | {last_de}weg {n} | {first_de}-{last_de}-Straße {n}^2
    | {last_de}platz {=%#} | {last_de}allee {n} | Am {last_de} {=%#} | {last_de}gasse {=%#}/{=%} | {de_stem}{de_end} {n}^5
    | {de_stem}{de_end} {=%#}{=?} | An der {de_stem}mühle {=%} | Alte {de_stem}{de_end} {n} | Unter den {de_stem}linden {=%}
de_stem = Haupt | Bahnhof | Garten | Wald | Berg | Kirch | Schul | Dorf | Linden | Birken | Eichen | Rosen | Mühlen | Feld | Wiesen
    | Sonnen | Ring | Brunnen | Markt | Schloss | Park | Mozart | Schiller | Goethe | Hafen | Ufer
de_end = straße^4 | str.^3 | strasse^2 | weg^3 | allee | platz | gasse^2 | ring | damm | ufer | steig
nl_street = {last_nl}straat {n}^4 | {last_nl}laan {n}^3 | {last_nl}weg {n}^2 | {nl_stem}{nl_end} {n}^4 | {nl_stem}{nl_end} {=%##}-{=%}
    | {first_nl} {last_nl}plein {=%#} | Rue {last_fr} {n}
nl_stem = Kerk | Dorps | School | Molen | Station | Beuken | Eiken | Linden | Hoofd | Water | Prins | Burgemeester | Oranje | Wilhelmina
    | Zee | Duin | Veld | Noorder | Zuider
nl_end = straat^3 | laan^2 | weg^2 | plein | dijk | gracht | kade | singel | hof | steeg
nordic_street = {last_nordic}gatan {n} | {nordic_stem}{nordic_end} {n}^6 | {nordic_stem}{nordic_end} {=%#}{=@} | {last_nordic}s vei {n}^2
    | {pseudo_nordic}vej {n}^2 | {pseudo_nordic}katu {n}^2 | {pseudo_nordic}tie {=%#} {=@} {=%} | {pseudo_nordic}vägen {n}
    | {pseudo_nordic}gata {=%#}
nordic_stem = Stor | Kung | Drottning | Skol | Björk | Kyrko | Strand | Linn | Sol | Skov | Sønder | Vester | Nørre | Øster | Kirke
    | Mølle | Hav | Koivu | Metsä | Ranta | Koulu | Kauppa | Asema | Haga | Berg | Dal | Lille | Nedre
nordic_end = gatan^2 | gata | vägen^2 | veien^2 | vej^3 | gade^2 | katu^2 | tie^2 | kuja | stien | stræde | allé | gränd | bakken | torget
fr_street = {=%#}, rue {fr_name}^3 | {n} rue {fr_name}^4 | {n} Rue {fr_name}^3 | {=%#} bis, rue {fr_name} | {n} avenue {fr_name}^2
    | {n}, boulevard {fr_name} | {n} Place {fr_name} | {n} chemin {fr_name} | {n} impasse {fr_name} | {n} quai {fr_name}
    | {n} allée {fr_name} | Rue {fr_name} {n}^2 | {n} cours {last_fr}
fr_name = {last_fr}^3 | {first_fr} {last_fr}^3 | de la Paix | des Lilas | du Château | de l'Église | Saint-{first_fr} | de la Gare
    | des Écoles | du Moulin | de la République | Victor Hugo | des Prés | {pseudo_fr} | de {pseudo_fr} | du Général {last_fr}
es_street = Calle {es_name} {n}^4 | Calle {es_name}, {n}^3 | C/ {es_name}, {n}^3 | Avenida {es_name} {n}^2 | Av. {es_name} {n}^2
    | Plaza {es_name}, {=%#} | Paseo {es_name} {n} | Avda. {es_name}, {n}, {=%}º {=@} | Camino {es_name} s/n | Carrera {=%#} # {=%#}-{=%#}
    | Calle {=%#} No. {=%#}-{=%#} | Pasaje {es_name} {n} | Calle {es_name} #{n}, Col. {es_name} | Ctra. {es_name}, {=%#}
es_name = {last_es}^3 | {first_es} {last_es}^2 | de la Constitución | Mayor | San {first_es} | del Sol | Los Cipreses | de las Flores
    | Libertad | Independencia | 5 de Mayo | Benito Juárez | {pseudo_es} | de {pseudo_es} | Real | del Mar
it_street = Via {it_name}, {n}^5 | Via {it_name} {n}^5 | Viale {it_name} {n}^2 | Piazza {it_name}, {=%#} | Corso {it_name} {n}^2
    | Vicolo {it_name} {=%#} | Strada {it_name}, {=%#}/{=@} | Largo {it_name} {=%#}
it_name = {last_it}^3 | {first_it} {last_it}^3 | Roma | Garibaldi | San {first_it} | dei Mille | della Repubblica | delle Rose | Dante
    | XX Settembre | Nazionale | {pseudo_it}
pt_street = Rua {br_thing}, {n}^2 | Rua {first_pt} {last_pt}, {=%#}, {=%}º Dto^2 | Rua {last_pt} n.º {n}, r/c Esq
    | Avenida {br_thing} {n}, {=%}º {=@} | Travessa {last_pt}, {=%#} | Praceta {first_pt} {last_pt}, lote {=%} | Largo {last_pt} {=%#}
ce_street = ul. {ce_name} {n}^4 | {ce_name} {n}^4 | {ce_name} {=%##}/{=%#}^3 | ul. {ce_name} {=%#}/{=%#}^2 | {last_hu} utca {n}.^3
    | {last_hu} út {n}^2 | {last_hu} u. {=%#}.^2 | {last_hu} tér {=%} | {ce_name} ulica {n}^2 | Ulica {first_slavic} {last_slavic} {n}
    | al. {ce_name} {n} | nám. {ce_name} {=%} | os. {ce_name} {=%#} | Trg {ce_name} {=%} | Strada {last_ro} nr. {n}^2
    | Str. {first_ro} {last_ro} {n}
ce_name = {street_ce}^4 | {pseudo_slavic} | {last_slavic}^2
in_street = {n}, {last_south_asia} Nagar^2 | {n}, {last_south_asia} Road^2 | H.No. {=%##}, {last_south_asia} Marg
    | Flat No. {=%##}, {last_south_asia} Apartments, {last_south_asia} Street^2 | Plot {n}, Sector {=%#}
    | {=%#}/{=%##}, {last_south_asia} Chowk | Jl. {last_south_asia} No. {n} | {n} {last_africa} Street^2 | {n}, {last_africa} Crescent
    | {=%-#-##} {city_world}-cho | {n} {last_arabic} Street | Flat {small}, {last_south_asia} Ganj
world_street = {de_street}^5 | {nl_street}^4 | {nordic_street}^5 | {fr_street}^4 | {es_street}^4 | {it_street}^3 | {pt_street}^2
    | {ce_street}^5 | {in_street}^3
world_post = {=#####}^5 | {=%###}^3 | {=%### @@} | {=### ##} | {=##-###} | {=@@-####} | {=###-####} | {=######} | {=@-####}
world_in = {world_post} {city_world}^8 | {city_world} {world_post}^3 | {city_world}^2 | {city_world}, {world_post}
    | {world_post} {pseudo_town_world}^5 | {pseudo_town_world}, {world_post}
world_address = {world_street}^5 | {world_street}, {world_in}^5 | {world_street} {world_in}^2 | {world_street}, {world_in}, {country}^3
    | {world_street} - {world_in} | {world_in}, {world_street} | {world_street}, {city_world}, {country}^2 | {world_street}, {unit_en}
    | {world_street}, {pseudo_town_world}
world_lines = {world_street}{nl}{world_in}^4 | {world_street}{nl}{world_in}{nl}{country}^4 | {world_street}{nl}{nl}{world_in}
    | {world_street},{nl}{world_in},{nl}{country} | {world_street}{nl}{city_world}{nl}{country}{nl}{world_post}
    | {world_street} {nl} {unit_en} {nl} {city_world} {nl} {country} {world_post} | {world_street}{nl}{pseudo_town_world}{nl}{world_post}
    | {n}{nl}{world_street}{nl}{world_in}

street_pt = {br_street}^8 | {pt_street} | {world_street} | {us_street}
street_en = {us_street}^4 | {uk_street}^2 | {world_street}^4 | {br_street}
address_pt = {br_address}^9 | {world_address} | {us_address}
address_en = {us_address}^9 | {uk_address}^4 | {au_address}^2 | {world_address}^9 | {br_address} | {po_box_en}
address_lines_pt = {br_lines}^9 | {world_lines} | {us_lines}
address_lines_en = {us_lines}^8 | {uk_lines}^4 | {au_lines}^2 | {world_lines}^8 | {br_lines} | {po_box_en}{nl}{us_in}^2 | {mil}{nl}{apo}
po_box_pt = Caixa Postal {n}^4 | Cx. Postal {n}^2 | caixa postal {n} | C.P. {n} | CP {n} | Caixa Postal nº {n}
po_box_en = P.O. Box {n}^4 | PO Box {n}^4 | P. O. Box {n} | Post Office Box {n} | {mil}^2 | {mil}, {apo} | {mil} {apo} | RR {=%} Box {n}
    | GPO Box {n} | Private Bag {n} | Postfach {n} | BP {n} | USS {last_en}, {apo} | HC {=%} Box {n} | Apartado {n} | USNV {last_en}
mil = PSC {=%##}, Box {=%###}^2 | PSC {=%##} Box {n} | Unit {=%####} Box {=%###}^2 | Unit {=%###}, Box {n} | CMR {=%##} Box {n}
    | USS {last_en} | USNS {last_en} | USCGC {last_en}
apo = APO AE {=0####}^2 | APO AP {=9####} | FPO AA {=3####} | FPO AP {=9####} | DPO AE {=0####} | APO AA {=3####}

city_pt = {city_br}^6 | {pseudo_town_pt}^3 | {city_world}^3 | {city_us} | {city_own}^2
city_en = {city_us}^4 | {city_uk}^2 | {city_own}^3 | {city_world}^5 | {pseudo_town_en}^4 | {pseudo_town_world}^2 | {city_br} | {city_au}
    | {city_ca}
state_pt = {state_br}^5 | {uf}^3 | {state_us} | {world_state}
state_en = {state_us}^5 | {us_st}^2 | {world_state}^3 | {county_uk} | {au_st} | {ca_st} | {state_br}
world_state = {state_faker}^3 | Bavaria | Catalonia | Andalusia | Tuscany | Lombardy | Provence | Normandy | Brittany | Saxony | Bohemia
    | Punjab | Kerala | Guangdong | Hokkaido | Jalisco | Ontario | Scotland | Wales | Ulster
region_pt = Nordeste | Sudeste | Norte de Minas | Vale do Paraíba | Grande São Paulo | ABC Paulista | Baixada Santista
    | Baixada Fluminense | Serra Gaúcha | Triângulo Mineiro | Zona Leste | Zona da Mata | Recôncavo Baiano | Agreste | Sertão | Pantanal
    | Amazônia | Cariri | Região dos Lagos | Oeste Paulista | Vale do Itajaí | Campos Gerais | Planalto Central | Litoral Norte
    | América do Sul | Europa | Ásia | Mercosul | Alentejo | Algarve | Região {last_pt} | Vale do {pseudo_town_pt}
    | Serra de {pseudo_town_pt} | Ilha de {pseudo_town_pt}
region_en = Midwest | New England | the Midlands | East Anglia | Bay Area | Silicon Valley | Pacific Northwest | Deep South | Cape Cod
    | Long Island | Orange County | Cornwall | the Highlands | Lake District | Scandinavia | the Balkans | Eastern Europe | Southeast Asia
    | Latin America | the Caribbean | Middle East | North Africa | Sub-Saharan Africa | Benelux | Iberia | Siberia | Patagonia | the Alps
    | Tri-State area | Rust Belt | Hill Country | the Gulf Coast | {pseudo_town_en} County^3 | {last_en} County^3 | Lake {pseudo_town_en}
    | Mount {pseudo_town_en} | {pseudo_town_en} Valley | Oceania | Asia | Europe | Africa
neighbourhood_br = {bairro}^6 | Jardim {br_bairro}^3 | Jd. {br_bairro}^2 | Vila {br_bairro}^4 | Parque {br_bairro}^2 | Centro^3
    | Bairro {br_bairro} | Conjunto {br_bairro} | Residencial {br_bairro} | Cidade {br_bairro} | Alto {br_bairro} | {pseudo_town_pt}^3
br_bairro = {br_thing} | {last_pt} | {first_pt} | {pseudo_town_pt} | América | Europa | São {first_pt_m} | Santa {first_pt_f} | Nova
neighbourhood_pt = {neighbourhood_br}
neighbourhood_en = {en_thing} Heights^2 | {last_en} Park^2 | {en_thing} Hill^2 | {pseudo_town_en}^3 | {last_en} Gardens | Old Town
    | Downtown | Midtown | Harlem | Brooklyn | Queens | SoHo | Chelsea | Camden | Shoreditch | Brixton | Hackney | Islington | West End
    | East Side | Little Italy | Chinatown | {last_en}town | {en_thing} Grove | {city_uk} Green | Lower {last_en} | Upper {en_thing}
place_pt = {city_pt}^5 | {state_pt}^2 | {country_pt}^3 | {region_pt} | {neighbourhood_pt}^2
place_en = {city_en}^5 | {state_en}^2 | {country_en}^4 | {region_en}^2 | {neighbourhood_en}
country = {country_en}^4 | {country_pt} | {country_local}^2
pseudo_town_en = {town_chain_en}^3 | {pseudo_last_en}{town_end}^3 | {last_en}{town_end}^2 | {new} {town_chain_en}^2
    | {last_en} {town_word}^2 | {town_chain_en} {town_word}^2 | {en_thing}{town_end}^2 | {town_chain_en}-{on} | Fort {last_en}
    | Mount {last_en} | {first_en}{town_end}
new = New | North | South | East | West | Great | Little | Upper | Lower | Port | Lake | Saint | St. | San | Old
town_end = ville^3 | ton^3 | burg^2 | ford | field | ham | bury | town | port | wood | mouth | view | land | stead | dale | shire
    | chester | by | worth | berg | fort | side | haven
town_word = Springs | Falls | City | Heights | Beach | Grove | Creek | Park | Lake | Hills | Junction | Valley | Bay | Harbor | Mills
    | Green | Common | Ridge | Point | Rapids
on = on-Sea | upon-Thames | le-Moor | under-Lyne | in-the-Marsh | by-the-Water
pseudo_town_pt = {town_chain_pt}^5 | {sao} {first_pt}^3 | {nova} {town_chain_pt}^2 | {town_chain_pt} do Sul | {town_chain_pt} do Norte
    | {town_chain_pt} da Serra | {town_chain_pt} Paulista | {tupi_a}{tupi_b}{tupi_c}^3 | {tupi_a}{tupi_c}^2 | {first_pt}lândia
    | {last_pt}ópolis | {first_pt} {last_pt} | {town_chain_pt} de Minas | {last_pt}lândia
sao = São | Santa | Santo | Dom | Barão de | Presidente | Coronel | Senador | Doutor | Porto | Nossa Senhora de
nova = Nova | Novo | Alto | Bom Jesus de | Campo | Monte | Ribeirão | Lagoa | Pedra | Boa Vista de | Riacho de | Águas de
tupi_a = Ita | Ara | Pira | Gua | Jaca | Uba | Ipi | Cari | Para | Tapi | Mogi | Soro | Bari | Taqua | Cata | Jagua | Ibi | Pinda | Igara
    | Moco | Capi | Suma | Botu | Uru | Jundi | Embu | Peru | Caça
tupi_b = ra | ri | ca | qui | pa | ti | mi | re | gua | ju | po | cu | ta | ba | cá
tupi_c = ba^2 | tuba^2 | guaçu | mirim | pava | tinga^2 | raí | caba | ré | í^2 | úna | quara | bira | péba | té | nduva | poca | aí | caí
    | rema

suffix_pt = Ltda^3 | Ltda.^3 | LTDA^2 | S.A.^3 | S/A^2 | ME^2 | EIRELI | EPP | & Cia | & Cia. Ltda. | e Filhos | Irmãos | SA
suffix_en = Inc^3 | Inc.^4 | LLC^4 | Ltd^3 | Ltd.^2 | Corp.^2 | Corporation^2 | Co. | & Co. | plc | LLP | Limited | Pty Ltd | Incorporated
suffix_w = GmbH^4 | AG^2 | & Co. KG^2 | e.V. | B.V.^2 | N.V. | AB^2 | Oy | Oyj | A/S^2 | ApS | AS | S.p.A.^2 | S.r.l.^2 | S.L. | S.A.^2
    | SARL^2 | SAS | SA de CV | s.r.o.^2 | a.s. | Sp. z o.o.^2 | d.o.o.^2 | Kft. | Zrt. | SRL | Pvt. Ltd.^2 | A.Ş. | Tbk
field_pt = Transportes | Advogados | Advogados Associados | Engenharia | Construções | Construtora | Comércio | Alimentos | Móveis
    | Veículos | Tecnologia | Sistemas | Consultoria | Contabilidade | Imóveis | Logística | Energia | Seguros | Telecom | Turismo
    | Agropecuária | Metalúrgica | Têxtil | Distribuidora | Participações | Empreendimentos | Serviços | Saúde | Farma | Cosméticos
    | Papelaria | Calçados | Confecções | Laticínios | Mineração | Química | Eletrônicos | Materiais de Construção | Autopeças
    | Informática | Embalagens | Bebidas | Segurança | Viagens | Indústria e Comércio
field_en = Group^3 | Holdings^2 | Partners^2 | Associates^2 | Consulting^2 | Logistics | Technologies | Systems | Solutions | Industries
    | Enterprises | Capital | Insurance | Financial | Foods | Farms | Motors | Energy | Pharmaceuticals | Biotech | Labs | Media
    | Publishing | Textiles | Plumbing | Roofing | Builders | Construction | Architects | Law | Realty | Properties | Airlines | Shipping
    | Steel | Electric | Software | Networks | Security | Analytics | Studios | Design | Records | Brewing | Dental | Interactive
    | Ventures | Trading | Manufacturing | Chemicals | Aerospace | Telecom | Hardware
brand = {brand_a}{brand_b}^4 | {pseudo_last_en}^2 | {last_any}^2 | {acronym}^2 | {brand_a}{brand_b}{brand_c} | {pseudo_it}
brand_a = Veo | Nex | Zy | Lumi | Qua | Tri | Omni | Vita | Solu | Inno | Agi | Cora | Meta | Neo | Alti | Opti | Syn | Terra | Axi | Del
    | Fin | Kor | Mov | Pix | Sal | Tec | Uni | Vel | Xen | Zap | Bem | Cred | Eco | Flu | Gen | Hel | Info | Jus | Kine | Loga
brand_b = ra | tron | via | xis | mo | lia | ron | tek | dex | go | nix | va | zo | lo | gy | ta | bit | cia | fy | ly | sys | max | pay
    | net | mar | flex | plus | sense | data | bank
brand_c = x | ia | on | is | us | o | ly | .io | 360
acronym = {=@@@}^4 | {=@@@@}^2 | {=@&@} | {=@@} | {=@@@@@}
brand_en = {adj_en} {noun_en}^6 | {brand}^4 | {noun_en} {noun_en} | {noun_en}{noun_low}^2 | The {adj_en} {noun_en} | {brand} {noun_en}
adj_en = Solar | Blue | Bright | Silver | Golden | Rapid | Quiet | Northern | Grand | First | Global | Royal | Iron | Crystal | Urban
    | Happy | Prime | Pacific | Smart | Wild | Modern | True | Open | Clear | Lucky | Red | Green | Atlantic | Liberty | Noble | Swift
    | Magna | Digital | Infinite | Simple | Eastern | Custom | Total
noun_en = Census | River | Harbor | Owl | Lantern | Anchor | Bridge | Summit | Horizon | Spark | Compass | Falcon | Garden | Kitchen
    | Market | Ledger | Orbit | Pixel | Signal | Cloud | Stone | Forge | Wave | Leaf | Tiger | Fox | Star | Valley | Matrix | Records
    | Value | Choice | Mart | Press | Beacon | Circle | Canvas | Engine | Atlas | Merchant | Rainbow
noun_low = works | point | house | ware | hub | craft | line | mart | wise | path | box | gate | time | space
brand_pt = {noun_pt} {adj_pt}^4 | {brand}^5 | {noun_pt} {last_pt} | Casa {last_pt} | {noun_pt} do {noun_pt}^2 | Grupo {brand}
noun_pt = Sol | Rio | Porto | Estrela | Ponto | Farol | Ponte | Horizonte | Lua | Vale | Águia | Mundo | Casa | Rede | Via | Campo | Norte
    | Serra | Ipê | Arara | Oceano | Futuro | Caminho | Pampa | Atlântico | Trigo | Café | Mar
adj_pt = Azul | Novo | Verde | Dourado | Real | Brilhante | Forte | Livre | Nacional | Central | Popular | Digital | Sul | Brasil | Prime
    | Bom | Belo | Vivo | Certo | Total
org_pt = {last_pt} {suffix_pt}^2 | {last_pt} {field_pt}^4 | {field_pt} {last_pt}^3 | {field_pt} {last_pt} {suffix_pt}^2
    | {last_pt} & {last_pt} {field_pt}^2 | {last_pt} e {last_pt} Advogados | {brand} {field_pt}^3 | {brand} {field_pt} {suffix_pt}^2
    | {brand_pt}^6 | {brand_pt} {suffix_pt}^2 | Grupo {last_pt}^2 | {acronym}^2 | {bank_pt} | {hospital_pt} | {school_pt} | {agency_pt}
    | {shop_pt} | {assoc_pt}^2 | {org_w} | {brand} S.A. | Irmãos {last_pt} {suffix_pt} | {city_br} {field_pt} | {org_en_plain}
assoc_pt = Associação {assoc_of} | Sindicato dos {trade_pt} de {city_br} | Instituto {last_pt} | Fundação {first_pt} {last_pt}
    | Cooperativa {brand} | Igreja {church_pt} | Clube {adj_pt} de {city_br} | {city_br} Futebol Clube | Esporte Clube {pseudo_town_pt}
    | ONG {brand_pt} | Federação {adj_pt} de {trade_pt} | Paróquia São {first_pt_m} | Condomínio Edifício {last_pt}
assoc_of = dos Moradores de {pseudo_town_pt} | Comercial de {city_br} | Brasileira de {trade_pt} | Atlética {last_pt}
trade_pt = Bancários | Metalúrgicos | Professores | Médicos | Comerciários | Químicos | Engenheiros | Motoristas | Enfermeiros | Jornalistas
church_pt = Batista {adj_pt} | Presbiteriana de {city_br} | Assembleia de Deus | Católica | Universal | Adventista de {pseudo_town_pt}
org_en = {org_en_plain}^9 | {brand_en}^7 | {bank_en} | {hospital_en} | {school_en} | {agency_en} | {shop_en} | {org_w}^4 | {org_pt_plain}
org_en_plain = {last_en} {suffix_en}^2 | {last_en} {field_en}^3 | {last_en} & {last_en}^2 | {last_en}, {last_en} and {last_en}^2
    | {last_en} and Sons^2 | {last_en} & Sons {suffix_en} | {last_en}-{last_en}^2 | {last_en} Group | {brand} {suffix_en}^2
    | {brand} {field_en}^2 | {brand_en} {suffix_en}^2 | {acronym}^2 | {brand_en} {field_en} | {city_us} {field_en}
    | {last_any} {suffix_en} | {first_en}'s {noun_en} | {last_en} PLC | {acronym} {field_en} | {last_any} {field_en}
org_pt_plain = {last_pt} {suffix_pt} | {field_pt} {last_pt} {suffix_pt}
org_w = {last_any} {suffix_w}^4 | {last_any} & {last_any} {suffix_w} | {brand} {suffix_w}^3 | Grupo {last_es} | Stiftung {last_de}
    | Banque {last_fr} | Ets. {last_fr} et Fils | {last_it} e Figli {suffix_w} | Fratelli {last_it} | {last_de}-Werke AG | {last_nl} Groep
    | Gebroeders {last_nl} | {last_nordic}s Bygg AB | {last_hu} és Társa Kft. | Przedsiębiorstwo {last_slavic}
    | Universidad de {city_world} | Universität {city_world} | Université de {city_world} | Hôpital {last_fr} | Ministerio de Salud
    | Deutsche {brand} AG | {last_east_asia} Heavy Industries | {last_south_asia} & Sons | Construcciones {last_es} S.L.
bank_pt = Banco {last_pt}^3 | Banco {brand}^3 | Banco do Brasil | Caixa Econômica Federal | Caixa | Bradesco | Itaú | Santander | Nubank
    | Banco Inter | Sicoob | Sicredi | Banrisul | Banco {adj_pt} | Banco do {state_br} | {brand} Pagamentos
    | Cooperativa de Crédito {pseudo_town_pt} | Financeira {last_pt} | {brand} Bank | BTG Pactual | PicPay | Mercado Pago | C6 Bank
bank_en = {last_en} Bank^3 | Bank of {city_us}^3 | First {pseudo_town_en} Bank^2 | {brand} Bank^2 | {city_us} Credit Union
    | {last_en} Savings & Loan | Chase | Wells Fargo | Barclays | HSBC | Lloyds | Citibank | Capital One | {last_en} Federal Credit Union
    | {last_en} Trust | {brand} Pay | {adj_en} National Bank^2 | NatWest | {last_en} & {last_en} Bank | Bank of {country_en}
hospital_pt = Hospital {last_pt} | Hospital São {first_pt_m}^2 | Hospital Santa {first_pt_f}^2 | Hospital das Clínicas de {city_br}
    | Santa Casa de {city_br} | Hospital Municipal {first_pt} {last_pt} | UPA {neighbourhood_br} | Clínica {last_pt}^2 | Clínica {brand}
    | UBS {neighbourhood_br} | Hospital Regional de {pseudo_town_pt} | Laboratório {last_pt} | Maternidade {first_pt_f} {last_pt}
    | Hospital Universitário de {city_br} | Unimed {city_br} | Policlínica {last_pt} | Instituto {last_pt} de Saúde
hospital_en = {city_us} General Hospital^2 | {last_en} Memorial Hospital^3 | St. {first_en}'s Hospital^3 | {last_en} Clinic^2
    | {pseudo_town_en} Medical Center^2 | Mount {last_en} Hospital | {city_uk} Royal Infirmary | {last_en} Health
    | Royal {city_uk} Hospital | {last_en} Family Practice | {brand} Health | {pseudo_town_en} Surgery | {state_us} Children's Hospital
    | Mercy {last_en} | {last_en} Dental Care
school_pt = Universidade Federal de {city_br}^2 | Universidade Federal do {state_br} | Universidade Estadual de {pseudo_town_pt}
    | Colégio {last_pt}^2 | Colégio São {first_pt_m} | Colégio {brand} | Escola Municipal {first_pt} {last_pt}^2
    | Escola Estadual {br_title} {last_pt}^2 | E.E. {first_pt} {last_pt} | EMEF {first_pt} {last_pt} | Instituto Federal de {city_br}
    | Faculdade {last_pt} | PUC {city_br} | USP | Unicamp | UFMG | SENAI {city_br} | Centro Universitário {brand} | Creche {br_thing}
    | CEI {first_pt_f} {last_pt}
school_en = University of {city_us}^2 | {state_us} State University^2 | {last_en} University^2 | {last_en} College^2
    | {pseudo_town_en} High School^2 | {last_en} Elementary School | {city_us} Community College | St. {first_en}'s School
    | University of {city_uk}^2 | {last_en} Academy | {en_thing} Hill Middle School | {last_en} Institute of Technology
    | {last_en} School of Business | {pseudo_town_en} University | {adj_en} Valley Preschool | King's College {city_uk}
agency_pt = Secretaria de {topic_pt}^2 | Secretaria Municipal de {topic_pt} de {city_br}^2 | Secretaria Estadual de {topic_pt}
    | Ministério {of_topic_pt}^2 | Prefeitura de {city_br}^2 | Prefeitura Municipal de {pseudo_town_pt}^2 | Câmara Municipal de {city_br}
    | Tribunal de Justiça de {state_br}^2 | Receita Federal | INSS | Detran-{uf} | Procon de {city_br} | Polícia Civil de {state_br}
    | Delegacia de {city_br} | Cartório {last_pt} | {=%#}ª Vara Cível de {city_br} | Ministério Público de {state_br} | Defensoria Pública
    | Correios | Anatel | Anvisa | IBGE | Supremo Tribunal Federal | Polícia Federal | Junta Comercial de {state_br}
    | Conselho Regional de {topic_pt} | Tribunal Regional Federal | Agência Nacional {of_topic_pt}
of_topic_pt = da Saúde | da Educação | da Fazenda | da Cultura | da Justiça | da Agricultura | do Trabalho | do Turismo | do Esporte
    | dos Transportes | das Cidades | do Meio Ambiente | de Minas e Energia | da Defesa
topic_pt = Saúde | Educação | Fazenda | Cultura | Transportes | Segurança Pública | Meio Ambiente | Assistência Social | Justiça
    | Agricultura | Trabalho | Turismo | Esporte | Habitação | Planejamento | Medicina | Administração | Obras
agency_en = Department of {topic_en}^3 | {state_us} Department of {topic_en}^2 | Ministry of {topic_en}^2 | City of {city_us}^2
    | {pseudo_town_en} City Council^2 | {last_en} County Court | {city_uk} Borough Council | Office of {topic_en}
    | National {topic_en} Agency | Internal Revenue Service | IRS | HMRC | DMV | FBI | NHS | Home Office | Social Security Administration
    | {city_us} Police Department^2 | {state_us} Supreme Court | {last_en} County Sheriff's Office | U.S. Army | European Commission
    | United Nations | Federal {topic_en} Commission | {pseudo_town_en} Fire Department | Bureau of {topic_en} | Board of {topic_en}
topic_en = Health | Education | Transportation | Labor | Justice | Agriculture | Energy | Defence | Housing | Commerce | Revenue
    | Public Works | Foreign Affairs | Environment | Motor Vehicles | Finance | Trade | Veterans Affairs | Statistics | Standards
shop_pt = Casa {pseudo_town_pt}^2 | Casa {br_thing}^2 | Móveis {last_pt} | Lojas {pseudo_town_pt} | Padaria {last_pt}
    | Padaria {br_thing} | Mercado {last_pt} | Supermercado {brand}^2 | Farmácia {last_pt} | Drogaria {brand}
    | Loja {brand} | Lojas {last_pt}^2 | Casas {brand} | Restaurante {noun_pt} {adj_pt} | Pizzaria {last_it} | Bar do {first_pt_m}
    | Salão {first_pt_f} | Oficina do {last_pt} | Pet Shop {brand_pt} | Magazine {brand} | Posto {brand} | Hotel {pseudo_town_pt}
    | Pousada {br_thing} | Açougue {last_pt} | Academia {brand} | Ótica {last_pt} | Livraria {last_pt} | Auto Peças {last_pt}
    | Papelaria {noun_pt} | Barbearia {last_pt} | {brand}.com | Shopping {pseudo_town_pt} | Churrascaria {last_pt}
shop_en = {last_en}'s^3 | {first_en}'s {shop_word}^3 | {brand_en}^3 | The {adj_en} {noun_en}^2 | {last_en} {shop_word}^3
    | {city_us} {shop_word} | {en_thing} Street {shop_word} | {brand} Store | {brand_en} {shop_word}^2 | {last_it}'s Pizza
    | {last_en} & {noun_en} | Hotel {last_fr} | {last_en} Inn | {brand}.com
shop_word = Bakery | Diner | Pharmacy | Market | Books | Hardware | Cafe | Coffee | Grill | Deli | Florist | Garage | Auto Repair
    | Pet Supply | Furniture | Jewelers | Shoes | Outfitters | Gym | Barbershop | Toys | Bistro | Supermarket | Electronics | Cleaners
    | Tavern

phone_pt = ({=%#}) 9{=####-####}^5 | {=%#} 9{=####-####}^3 | {=%#}9{=########}^2 | +55 {=%#} 9{=####-####}^3 | +55{=%#}9{=########}
    | ({=%#}) {=3###-####}^2 | {=%#} {=3###-####} | 0800 {=###} {=####} | 9{=####-####}^2 | 9{=########} | ({=0%#}) 9{=####-####}
    | +55 ({=%#}) 9 {=####-####} | {=%#}-9{=####-####} | {=3###.####} | {=400#-####}
phone_en = ({=%##}) {=###-####}^4 | {=%##-###-####}^4 | +1 {=%##-###-####}^2 | +1-{=%##-###-####} | {=%##.###.####}^2
    | {=%##} {=###} {=####} | {=###-####} | 1-800-{=###-####} | +44 7{=### ######}^2 | 07{=### ######}^2 | 020 7{=### ####}
    | +44 20 {=#### ####} | ({=%##}){=###-####} | 001-{=%##-###-####} | {=%##-###-####}x{=###} | +49 {=### #######} | +33 {=# ## ## ## ##}
    | {=%#########} | +61 {=# #### ####} | {=0### ### ####} | ({=%##}) {=###-####} ext. {=###}
rg = {=##.###.###}-{=#}^4 | {=########}{=#} | {=%.###.###} | MG-{=##.###.###} | {=##.###.###}-X | {=%#.###.###}-{=#} SSP/{uf}^2
cep = {=#####-###}^4 | {=########} | {=##.###-###}
time_pt = {hour}:{minute}^4 | {hour}h{minute}^3 | {hour}h^3 | às {hour}h | {hour}h{minute}min | {hour} horas | meio-dia
time_en = {hour}:{minute}^4 | {hour12}:{minute} {ampm}^4 | {hour12}{ampm}^3 | {hour12} o'clock | noon | midnight
    | {hour12}:{minute}{ampm}^2 | {hour}:{minute}:{minute}
hour = 0{=%} | 1{=#} | 20 | 21 | 22 | 23 | {=%}
hour12 = {=%}^4 | 10 | 11 | 12
minute = 00 | 15 | 30 | 45 | 0{=#} | 1{=#} | 2{=#} | 3{=#} | 4{=#} | 5{=#}
ampm = am | pm | AM | PM | a.m. | p.m.
number = {=%}^3 | {=%#}^4 | {=%##}^3 | {=%###} | {=%####} | {=%#######}
order = {=%#####}^3 | {=%#######}^2 | #{=%####}^3 | {=@@-#####}^2 | ORD-{=######} | {=@@@#####} | {=%#########} | {=##}-{=######}
    | PED{=#######} | {=@##-@##} | INV-20{=##-####} | TKT{=######} | {=@@#########@@}
money_pt = R$ {=%#},{=##}^3 | R$ {=%##},{=##}^4 | R$ {=%}.{=###},{=##}^3 | R${=%##}^2 | {=%##} reais^3 | {=%#},{=##} | R$ {=%#} mil
    | {=%} mil reais | US$ {=%##}.00 | {=%#} conto | {=%###},00 | € {=%##}
money_en = ${=%#}.{=##}^3 | ${=%##}^3 | ${=%},{=###}.{=##}^2 | ${=%##}.{=##}^2 | £{=%#}.{=##}^2 | €{=%##} | {=%##} dollars^2 | {=%#} bucks
    | USD {=%###} | ${=%#}k | {=%##}.{=##} EUR | £{=%##} | {=%##} pounds
url = https://www.{host}/{path}^3 | http://{host}/{path} | www.{host}^2 | https://{host}^2 | {host}/{path}
    | https://{host}/{path}?id={=%###} | https://app.{host}/{path}/{=%####}
path = pedido | conta | order | login | help | blog | docs | user | produtos | cart | tracking | p/{=??##} | status | v{=#}/items | suporte
host = {word_host}.com^4 | {word_host}.com.br^4 | {word_host}.org | {word_host}.net | {word_host}.io | {word_host}.co.uk | {word_host}.de
    | {word_host}.gov.br | {word_host}{=##}.com
mail_host = gmail.com^4 | hotmail.com^3 | yahoo.com.br^2 | outlook.com^3 | uol.com.br^2 | bol.com.br | yahoo.com | icloud.com | live.com
    | terra.com.br | {host}^6
plate = {=@@@-####}^3 | {=@@@####}^2 | {=@@@#@##}^4 | {=@@@ ####} | {=@@## @@@} | {=@@@-#@##} | {=#@@@###}
age_pt = {=%#} anos^5 | {=%#}^3 | {=%} anos | {=%#} aninhos | {=%} meses
age_en = {=%#}^5 | {=%#} years old^3 | {=%#}-year-old^2 | {=%#} yrs | {=%} | {=%} months old
month_pt = janeiro | fevereiro | março | abril | maio | junho | julho | agosto | setembro | outubro | novembro | dezembro | jan | fev
    | mar | abr | mai | jun | jul | ago | set | out | nov | dez
month_en = January | February | March | April | May | June | July | August | September | October | November | December | Jan | Feb | Mar
    | Apr | Jun | Jul | Aug | Sep | Sept | Oct | Nov | Dec
weekday_pt = segunda-feira | terça-feira | quarta-feira | quinta-feira | sexta-feira | sábado | domingo | segunda | terça | quarta
    | quinta | sexta | seg | ter | qua | qui | sex
weekday_en = Monday | Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday | Mon | Tue | Wed | Thu | Fri | Sat | Sun | monday
    | friday
job_pt = {job_faker_pt}^40 | advogada | advogado | médica | médico | enfermeira | professor | professora | engenheiro | engenheira
    | motorista | pedreiro | eletricista | encanador | diarista | cozinheira | garçom | vendedor | vendedora | caixa | contador
    | contadora | dentista | psicóloga | fisioterapeuta | nutricionista | jornalista | programador | analista de sistemas | gerente
    | recepcionista | secretária | porteiro | vigilante | policial | bombeiro | taxista | entregador | mecânico | cabeleireira | manicure
    | costureira | padeiro | açougueiro | agricultor | veterinária | arquiteta | designer | fotógrafo | músico | atriz
    | corretor de imóveis | bancário | auditor | estagiário | aposentado | farmacêutica | síndico | diretora | coordenador
    | técnico de enfermagem
job_en = {job_faker_en}^40 | nurse | teacher | plumber | electrician | lawyer | accountant | software engineer | driver | cashier | waiter
    | waitress | chef | baker | butcher | farmer | carpenter | mechanic | hairdresser | receptionist | secretary | manager | sales rep
    | pharmacist | dentist | vet | architect | designer | photographer | journalist | musician | actor | police officer | firefighter
    | paramedic | bank clerk | librarian | translator | data analyst | product manager | CEO | CFO | intern | consultant | realtor
    | contractor | janitor | security guard | pilot | flight attendant | social worker | therapist | surgeon | professor | researcher
    | student | trucker | welder | roofer | gardener
nationality_pt = brasileiro | brasileira | português | portuguesa | argentino | argentina | uruguaia | paraguaio | chileno | boliviana
    | peruano | colombiana | venezuelano | mexicana | americano | americana | canadense | inglês | inglesa | irlandesa | francês
    | francesa | espanhol | espanhola | italiano | italiana | alemão | alemã | suíço | austríaca | holandês | belga | sueca | norueguês
    | dinamarquesa | finlandês | polonesa | russo | ucraniana | grego | turca | sírio | libanesa | israelense | egípcio | marroquina
    | angolano | moçambicana | cabo-verdiano | nigeriana | sul-africano | indiana | paquistanês | chinesa | japonês | japonesa | coreano
    | vietnamita | australiano | neozelandesa | haitiano | cubana
nationality_en = American | British | English | Scottish | Welsh | Irish | Canadian | Australian | Brazilian | Portuguese | Spanish
    | French | German | Italian | Dutch | Belgian | Swiss | Austrian | Swedish | Norwegian | Danish | Finnish | Polish | Czech | Slovak
    | Hungarian | Romanian | Bulgarian | Greek | Turkish | Russian | Ukrainian | Lithuanian | Latvian | Estonian | Croatian | Serbian
    | Slovenian | Indian | Pakistani | Bangladeshi | Chinese | Japanese | Korean | Vietnamese | Thai | Indonesian | Filipino | Nigerian
    | Kenyan | Ghanaian | South African | Egyptian | Moroccan | Lebanese | Syrian | Iraqi | Iranian | Israeli | Mexican | Colombian
    | Argentine | Chilean | Peruvian | Cuban | Jamaican | Icelandic
language_pt = português | inglês | espanhol | francês | alemão | italiano | japonês | chinês | mandarim | coreano | árabe | russo
    | hebraico | grego | latim | libras | holandês | sueco | polonês | turco | hindi | guarani | catalão | ucraniano | romeno
language_en = English | Portuguese | Spanish | French | German | Italian | Japanese | Chinese | Mandarin | Cantonese | Korean | Arabic
    | Russian | Hebrew | Greek | Latin | Dutch | Swedish | Norwegian | Danish | Finnish | Polish | Turkish | Hindi | Urdu | Bengali
    | Tamil | Swahili | Yoruba | Zulu | Catalan | Ukrainian | Romanian | Hungarian | Czech | Welsh | Gaelic
product_pt = {thing_pt}^6 | {thing_pt} {color_pt}^2 | {thing_pt} {=@@-###}
color_pt = preto | azul | branco | cinza | tamanho M | tamanho {=%#} | de {=%#} polegadas | usado | novo | infantil
thing_pt = geladeira | fogão | micro-ondas | liquidificador | batedeira | cafeteira | airfryer | máquina de lavar | secadora
    | aspirador de pó | ferro de passar | ventilador | ar-condicionado | televisão | smart TV | caixa de som | fone de ouvido | celular
    | smartphone | tablet | notebook | computador | monitor | teclado | mouse | impressora | cartucho de tinta | pen drive | HD externo
    | roteador | câmera | drone | videogame | controle sem fio | relógio | smartwatch | óculos de sol | mochila | bolsa | carteira | cinto
    | tênis | sapato | sandália | chinelo | bota | camiseta | camisa | calça jeans | bermuda | vestido | saia | blusa | jaqueta | casaco
    | pijama | meia | cueca | sutiã | biquíni | boné | chapéu | luva | cachecol | sofá | poltrona | cadeira de escritório | cadeira gamer
    | mesa de jantar | escrivaninha | estante | guarda-roupa | cama box | colchão | travesseiro | lençol | edredom | cobertor
    | toalha de banho | cortina | tapete | luminária | lâmpada | espelho | quadro | vaso | panela de pressão | frigideira
    | jogo de panelas | faqueiro | prato | copo | xícara | garrafa térmica | marmita | potes de vidro | furadeira | parafusadeira
    | martelo | jogo de chaves | escada | tinta acrílica | torneira | chuveiro | vaso sanitário | cimento | tijolo | piso | bicicleta
    | patinete | capacete | pneu | bateria de carro | óleo de motor | cadeirinha de bebê | carrinho de bebê | fralda | mamadeira
    | brinquedo | boneca | quebra-cabeça | bola de futebol | raquete | esteira | halter | barraca | saco de dormir | vara de pescar
    | ração | coleira | casinha de cachorro | areia de gato | aquário | perfume | batom | shampoo | condicionador | protetor solar
    | hidratante | sabonete | creme dental | escova de dentes | barbeador | secador de cabelo | chapinha | livro | caderno | caneta
    | agenda | violão | teclado musical | bateria eletrônica | microfone | ingresso | passagem aérea | pacote de viagem
    | plano de internet | chip | assinatura | curso online | cesta básica | arroz | feijão | café | chocolate | vinho | cerveja | bolo
    | pizza | suplemento | whey | vitamina C | remédio | dipirona | termômetro | máscara | álcool em gel | cadeira de rodas | colar
    | brinco | anel | pulseira
product_en = {thing_en}^6 | {color_en} {thing_en}^2 | {thing_en} {=@##}
color_en = black | blue | white | grey | red | used | new | size {=%#} | {=%#}-inch | small | large | kids'
thing_en = fridge | stove | microwave | blender | mixer | coffee maker | air fryer | dishwasher | washing machine | dryer | vacuum cleaner
    | iron | fan | air conditioner | TV | soundbar | headphones | earbuds | phone | smartphone | tablet | laptop | desktop | monitor
    | keyboard | mouse | printer | ink cartridge | USB stick | hard drive | router | camera | drone | game console | controller | watch
    | smartwatch | sunglasses | backpack | handbag | wallet | belt | sneakers | shoes | sandals | flip-flops | boots | T-shirt | shirt
    | jeans | shorts | dress | skirt | blouse | jacket | coat | pajamas | socks | underwear | swimsuit | cap | hat | gloves | scarf
    | couch | armchair | office chair | gaming chair | dining table | desk | bookshelf | wardrobe | bed frame | mattress | pillow | sheets
    | duvet | blanket | towel | curtains | rug | lamp | light bulb | mirror | picture frame | vase | pressure cooker | frying pan
    | cookware set | knife set | plates | glasses | mug | thermos | lunch box | drill | screwdriver | hammer | wrench set | ladder | paint
    | faucet | shower head | toilet seat | cement | bricks | floor tiles | bicycle | scooter | helmet | tires | car battery | motor oil
    | car seat | stroller | diapers | baby bottle | toy | doll | puzzle | football | tennis racket | treadmill | dumbbells | tent
    | sleeping bag | fishing rod | dog food | leash | dog house | cat litter | aquarium | perfume | lipstick | shampoo | conditioner
    | sunscreen | moisturizer | soap | toothpaste | toothbrush | razor | hair dryer | straightener | book | notebook | pen | planner
    | guitar | piano | drum kit | microphone | concert ticket | plane ticket | travel package | internet plan | SIM card | subscription
    | online course | groceries | rice | coffee beans | chocolate | wine | beer | cake | pizza | protein powder | vitamins | painkillers
    | thermometer | face mask | hand sanitizer | wheelchair | necklace | earrings | ring | bracelet | cookbook | desk lamp | phone case
    | charger | power bank | lawn mower | garden hose | grill | suitcase | umbrella | yoga mat | board game

city_br = São Paulo^2 | Rio de Janeiro^2 | Belo Horizonte | Brasília | Salvador | Fortaleza | Recife | Porto Alegre | Curitiba | Manaus
    | Belém | Goiânia | Guarulhos | Campinas | São Luís | São Gonçalo | Maceió | Duque de Caxias | Natal | Campo Grande | Teresina
    | São Bernardo do Campo | João Pessoa | Nova Iguaçu | Santo André | Osasco | Jaboatão dos Guararapes | São José dos Campos
    | Ribeirão Preto | Uberlândia | Sorocaba | Contagem | Aracaju | Feira de Santana | Cuiabá | Joinville | Juiz de Fora | Londrina
    | Aparecida de Goiânia | Niterói | Ananindeua | Porto Velho | Serra | Caxias do Sul | Vila Velha | Florianópolis | Macapá
    | Campos dos Goytacazes | Mauá | São João de Meriti | São José do Rio Preto | Santos | Mogi das Cruzes | Betim | Diadema | Maringá
    | Jundiaí | Campina Grande | Montes Claros | Piracicaba | Carapicuíba | Boa Vista | Olinda | Anápolis | Cariacica | Bauru | Rio Branco
    | Itaquaquecetuba | Vitória | Caucaia | Petrolina | Franca | Ponta Grossa | Blumenau | Cascavel | Praia Grande | Paulista | Uberaba
    | Canoas | Limeira | Vitória da Conquista | Ribeirão das Neves | Petrópolis | Santarém | Guarujá | Suzano | Caruaru | Taubaté
    | Pelotas | Palmas | Volta Redonda | Foz do Iguaçu | Gravataí | Governador Valadares | Santa Maria | Barueri | Embu das Artes
    | Imperatriz | Várzea Grande | Juazeiro do Norte | Ipatinga | Marabá | Viamão | Novo Hamburgo | Magé | Taboão da Serra | Itaboraí
    | São José | São Carlos | Chapecó | Dourados | Americana | Marília | Araraquara | Sete Lagoas | Divinópolis | Jacareí | Rio Verde
    | Cotia | Indaiatuba | Rondonópolis | Itabuna | Hortolândia | Araçatuba | Passo Fundo | Parnamirim | Angra dos Reis | Cabo Frio
    | Mossoró | Sobral | Lages | Criciúma | Itajaí | Poços de Caldas | Rio Grande | Presidente Prudente | Alagoinhas | Barreiras | Ilhéus
    | Porto Seguro | Garanhuns | Arapiraca | Patos | Parnaíba | Sinop | Ji-Paraná | Vilhena | Corumbá | Três Lagoas | Bragança Paulista
    | Atibaia | Botucatu | Ourinhos | Varginha | Pouso Alegre | Lavras | Barbacena | Ouro Preto | Teófilo Otoni | Linhares | Colatina
    | Macaé | Teresópolis | Nova Friburgo | Resende | Guarapuava | Umuarama | Paranaguá | Toledo | Balneário Camboriú | Brusque
    | Jaraguá do Sul | Bento Gonçalves | Erechim | Santa Cruz do Sul | Uruguaiana | Bagé | Gramado
city_us = New York^2 | NYC | Los Angeles^2 | LA | Chicago | Houston | Phoenix | Philadelphia | San Antonio | San Diego | Dallas | Austin
    | San Jose | Fort Worth | Jacksonville | Columbus | Charlotte | Indianapolis | San Francisco | Seattle | Denver | Oklahoma City
    | Nashville | El Paso | Boston | Portland | Las Vegas | Detroit | Memphis | Louisville | Baltimore | Milwaukee | Albuquerque | Tucson
    | Fresno | Sacramento | Mesa | Kansas City | Atlanta | Omaha | Colorado Springs | Raleigh | Miami | Long Beach | Virginia Beach
    | Oakland | Minneapolis | Tampa | Tulsa | Arlington | New Orleans | Wichita | Bakersfield | Cleveland | Aurora | Anaheim | Honolulu
    | Santa Ana | Riverside | Corpus Christi | Lexington | Stockton | St. Louis | Saint Paul | Henderson | Pittsburgh | Cincinnati
    | Anchorage | Greensboro | Plano | Newark | Lincoln | Orlando | Irvine | Toledo | Jersey City | Chula Vista | Durham | Fort Wayne
    | St. Petersburg | Laredo | Buffalo | Madison | Lubbock | Chandler | Reno | Glendale | Norfolk | Scottsdale | Irving | Chesapeake
    | Baton Rouge | Richmond | Boise | Spokane | Des Moines | Tacoma | Modesto | Fayetteville | Birmingham | Rochester | Yonkers | Akron
    | Mobile | Little Rock | Amarillo | Salt Lake City | Huntsville | Grand Rapids | Knoxville | Worcester | Providence | Santa Clarita
    | Chattanooga | Tempe | Sioux Falls | Springfield | Vancouver | Eugene | Salem | Cary | Lancaster | Hayward | Pasadena | Savannah
    | Bridgeport | Syracuse | Dayton | Hollywood | Charleston | Topeka | Gainesville | Ann Arbor | Athens | Berkeley | Billings | Boulder
    | Burlington | Cheyenne | Duluth | Evanston | Fargo | Flint | Green Bay | Hartford | Ithaca | Juneau | Lansing | Macon | Muncie
    | Naperville | Olympia | Peoria | Racine | Santa Fe | Scranton | Trenton | Tuscaloosa | Utica | Waco | Yuma | Palo Alto | Cambridge
city_uk = London^3 | Manchester | Birmingham | Leeds | Glasgow | Liverpool | Edinburgh | Sheffield | Bristol | Cardiff | Leicester
    | Coventry | Nottingham | Newcastle | Sunderland | Brighton | Hull | Plymouth | Stoke-on-Trent | Wolverhampton | Derby | Swansea
    | Southampton | Aberdeen | Portsmouth | York | Dundee | Oxford | Cambridge | Norwich | Exeter | Gloucester | Bath | Belfast | Luton
    | Reading | Blackpool | Bolton | Ipswich | Middlesbrough | Peterborough | Bournemouth | Swindon | Slough | Milton Keynes | Northampton
    | Chester | Durham | Canterbury | Lincoln | Worcester | Inverness | Perth | Stirling | Lancaster | Preston | Carlisle | Winchester
    | Salisbury | Hereford | Truro | Bangor | Newport | Wrexham | Derry | Lisburn | Basingstoke | Guildford | Maidstone | Colchester
    | Chelmsford | Watford | Stevenage | Huddersfield | Halifax | Wakefield | Barnsley | Rotherham | Doncaster | Grimsby | Scunthorpe
    | Darlington | Hartlepool | Dublin | Cork | Galway | Limerick
city_au = Sydney | Melbourne | Brisbane | Perth | Adelaide | Hobart | Darwin | Canberra | Newcastle | Wollongong | Geelong | Cairns
    | Townsville | Toowoomba | Ballarat | Bendigo | Launceston | Mackay | Auckland | Wellington | Christchurch | Dunedin | Hamilton
    | Tauranga | Rotorua | Parramatta | Fremantle | Bondi
city_ca = Toronto | Montreal | Vancouver | Calgary | Edmonton | Ottawa | Winnipeg | Quebec City | Halifax | Victoria | Regina | Saskatoon
    | Kelowna | London | Kingston | Mississauga | Brampton | Surrey | Laval | Burnaby | Gatineau | Sudbury | Thunder Bay | Moncton
    | St. John's | Banff
city_own = Paris | Madrid | Barcelona | Lisboa | Lisbon | Porto | Roma | Rome | Milan | Milão | Berlin | Berlim | Munich | Hamburg
    | Frankfurt | Vienna | Viena | Zurich | Geneva | Genebra | Brussels | Antwerp | Amsterdam | Rotterdam | Copenhagen | Stockholm | Oslo
    | Bergen | Helsinki | Reykjavik | Warsaw | Krakow | Prague | Praga | Brno | Bratislava | Budapest | Bucharest | Sofia | Belgrade
    | Zagreb | Ljubljana | Sarajevo | Skopje | Tirana | Athens | Atenas | Thessaloniki | Istanbul | Istambul | Ankara | Izmir | Moscow
    | Moscou | St Petersburg | Kiev | Kyiv | Lviv | Odessa | Minsk | Vilnius | Riga | Tallinn | Tbilisi | Yerevan | Baku | Tashkent
    | Almaty | Kabul | Tehran | Teerã | Baghdad | Damascus | Beirut | Beirute | Amman | Jerusalem | Jerusalém | Tel Aviv | Haifa | Cairo
    | Alexandria | Riyadh | Jeddah | Mecca | Doha | Dubai | Abu Dhabi | Muscat | Sanaa | Kuwait City | Manama | Karachi | Lahore
    | Islamabad | Delhi | New Delhi | Nova Délhi | Mumbai | Kolkata | Chennai | Bangalore | Hyderabad | Pune | Jaipur | Dhaka | Chittagong
    | Colombo | Kandy | Kathmandu | Thimphu | Yangon | Bangkok | Chiang Mai | Phuket | Hanoi | Ho Chi Minh City | Da Nang | Phnom Penh
    | Vientiane | Kuala Lumpur | Penang | Singapore | Cingapura | Jakarta | Surabaya | Bandung | Bali | Manila | Cebu | Davao | Beijing
    | Pequim | Shanghai | Xangai | Guangzhou | Shenzhen | Chengdu | Wuhan | Xi'an | Hong Kong | Macau | Taipei | Kaohsiung | Seoul | Seul
    | Busan | Incheon | Pyongyang | Tokyo | Tóquio | Osaka | Kyoto | Nagoya | Sapporo | Fukuoka | Hiroshima | Nagasaki | Yokohama | Kobe
    | Ulaanbaatar | Casablanca | Rabat | Marrakesh | Fez | Tangier | Algiers | Argel | Tunis | Tripoli | Khartoum | Addis Ababa | Nairobi
    | Mombasa | Kampala | Kigali | Dar es Salaam | Dodoma | Lusaka | Harare | Maputo | Beira | Nampula | Luanda | Huambo | Benguela
    | Windhoek | Gaborone | Johannesburg | Pretoria | Cape Town | Cidade do Cabo | Durban | Port Elizabeth | Bloemfontein | Antananarivo
    | Lagos | Abuja | Ibadan | Kano | Accra | Kumasi | Abidjan | Dakar | Bamako | Conakry | Freetown | Monrovia | Lomé | Cotonou
    | Ouagadougou | Niamey | Yaoundé | Douala | Libreville | Brazzaville | Kinshasa | Praia | Mindelo | Bissau | Mexico City
    | Cidade do México | Guadalajara | Monterrey | Puebla | Tijuana | Cancún | Mérida | Oaxaca | Havana | Santiago de Cuba | Kingston
    | Port-au-Prince | Santo Domingo | San Juan | Guatemala City | San Salvador | Tegucigalpa | Managua | San José | Panama City | Bogotá
    | Medellín | Cali | Barranquilla | Cartagena | Caracas | Maracaibo | Quito | Guayaquil | Cuenca | Lima | Cusco | Arequipa | Trujillo
    | La Paz | Santa Cruz de la Sierra | Cochabamba | Asunción | Assunção | Ciudad del Este | Montevideo | Montevidéu | Punta del Este
    | Buenos Aires | Córdoba | Rosario | Mendoza | La Plata | Mar del Plata | Salta | Ushuaia | Bariloche | Santiago | Valparaíso
    | Concepción | Antofagasta | Viña del Mar | Punta Arenas | Georgetown | Paramaribo | Cayenne | Nice | Lyon | Marseille | Toulouse
    | Bordeaux | Nantes | Lille | Strasbourg | Rennes | Grenoble | Dijon | Seville | Sevilha | Valencia | Bilbao | Zaragoza | Málaga
    | Granada | Vigo | Naples | Nápoles | Turin | Florence | Florença | Venice | Veneza | Bologna | Genoa | Palermo | Catania | Verona
    | Trieste | Braga | Coimbra | Faro | Aveiro | Évora | Guimarães | Setúbal | Funchal | Cologne | Stuttgart | Düsseldorf | Dresden
    | Leipzig | Bremen | Hannover | Nuremberg | Salzburg | Innsbruck | Graz | Basel | Bern | Lausanne | Lugano | The Hague | Utrecht
    | Eindhoven | Groningen | Ghent | Bruges | Liège | Gothenburg | Malmö | Uppsala | Trondheim | Stavanger | Tromsø | Aarhus | Odense
    | Turku | Tampere | Oulu | Gdansk | Wroclaw | Poznan | Lodz | Split | Dubrovnik | Novi Sad | Cluj | Timisoara | Varna | Plovdiv | Bern
    | Luxembourg | Monaco | Valletta | Nicosia | Suva | Port Moresby | Apia | Nuku'alofa | Honiara | Nouméa | Papeete
state_br = Acre | Alagoas | Amapá | Amazonas | Bahia | Ceará | Distrito Federal | Espírito Santo | Goiás | Maranhão | Mato Grosso
    | Mato Grosso do Sul | Minas Gerais | Minas | Pará | Paraíba | Paraná | Pernambuco | Piauí | Rio de Janeiro | Rio Grande do Norte
    | Rio Grande do Sul | Rondônia | Roraima | Santa Catarina | São Paulo | Sergipe | Tocantins
uf = AC | AL | AP | AM | BA^2 | CE^2 | DF | ES | GO | MA | MT | MS | MG^3 | PA | PB | PR^2 | PE | PI | RJ^3 | RN | RS^2 | RO | RR | SC^2
    | SP^5 | SE | TO
"""

# Rules that are names of a place and stand, once in a while, in capitals.
_SOMETIMES_CAPITALS = {"city", "state", "country", "region", "place", "neighbourhood"}

NICKS = {
    "pt": "Zé Zeca Duda Bia Nando Nanda Gabi Rafa Lu Tati Carol Manu Malu Edu Dani Guga Beto Neto Chico Tonho Toninho Juninho Lelê Lili "
    "Vivi Cacá Fê Fefê Rô Jô "
    "Ju Juju Mari Nat Naty Pri Pati Paty Quinho Didi Dudu Kaká Tina Nina Tiana Tião Bastião Tuca Teca Deco Deca Kiko Xande Alê Leco Leo "
    "Vini Guto Gui "
    "Biel Isa Bel Belinha Clarinha Zezé Zezinho Luizinho Paulinho Marquinhos Carlinhos Aninha Mariazinha Ritinha Rosinha Terezinha Binho "
    "Nico Ziza Dedé Dona Zica",
    "en": "Bob Bobby Bill Billy Will Liz Beth Betsy Kate Katie Kit Mike Mikey Mick Jim Jimmy Jack Johnny Tom Tommy Tim Timmy Dave Davey "
    "Dan Danny Sam Sammy Ben Benny Joe Joey "
    "Ted Teddy Ned Ed Eddie Al Alex Lex Andy Drew Tony Nick Nicky Pete Steve Stu Rob Robbie Rick Ricky Dick Chuck Charlie Hank Harry Hal "
    "Larry Jerry Terry Gus Max Maggie "
    "Meg Peg Peggy Molly Polly Sally Sue Susie Suzy Nan Nancy Annie Abby Becky Bella Cathy Chrissy Cindy Connie Debbie Dee Dolly Ellie "
    "Frankie Gabby Gina Ginny Jackie "
    "Jenny Jen Jess Jessie Josie Judy Kathy Kim Lottie Mandy Mia Millie Mindy Nell Nellie Pam Pat Patsy Penny Sandy Tess Tina Trish Val "
    "Vicky Winnie Zoe Bert Bart Cal Gil",
}
# Brazilian inventive given names: nobody in particular, but unmistakable.
INVENTIVE = {
    "start": "Jo Wel Cle Edi Ro Gil Ja Tha Ra Iv Ad Al Cri De El Fran Ge Ha He Je Ka Ke La Lu Ma Mari Mi Na Ni Os Ri Ru Sa Se Su Ta Val "
    "Van Wa Wil Zi Ze Ueli Jack Dio "
    "Sil Ari Ednil Gri Jani Lei Luci Mau Rai Tai Uil Vi Wan Yas Eve Nil Dul Glei",
    "f": "elma ane ânia nilda neide eide lene elly iane ilene ilma ineia iele ielly ylane enice eilza onice enilda ilda isleia ijane yara "
    "ileide aína eliane icleia "
    "anilda inalva osângela ielma ayne ethe islaine edilma ucia",
    "m": "ilson mar valdo yson erson ton elson ivaldo inaldo enildo ivan ervaldo eilton ilton anderson isson ailton ualdo emir isvaldo "
    "inho enilson uelson imar eovaldo "
    "ielson aldo ycon ackson ardo erlan ivânio eilson",
}
INDIGENOUS = (
    "Ya Ka Po Ti Ru Ará Ja Ube Mo Iba Ju Aru Tai Ira Cau Nhã Apoe Peri Cunha Jaci",
    "ra tã ci nã tira guara mi pu ri noã ta",
    "na ra ré bá ã ema tá í porã",
)
NEW_SURNAMES = {
    "it": (
        "Ber Zan Pas Mar Cas Tre Fer Bal Cor Dal Gri Mor Per Sca Vis Zam",
        "tol qual tin chet vis ton den gan sil tell",
        "ini etti ello azzi oni in an ato otti igo uzzo",
    ),
    "ja": (
        "Ya Ka Ta Na Ma Sa Mi Ki Ha Fu Ishi Oka Taka Naka Koba Ara",
        "ka mo shi ra na do ko",
        "moto mura shima gawa guchi yama da saki hara zawa oka",
    ),
    "pl": (
        "Wal Gra Szy Kra Bor Now Kos Pie Zab Dom Lis Zie",
        "chow lin mar win tkow ran jan sze dzi",
        "ski czak czyk iak ewicz uk inski owski",
    ),
}
PARTICLES = {
    "es": ["de", "de la", "del", "de los", "y"],
    "de": ["von", "von der", "zu"],
    "nl": ["van", "van der", "van den", "de", "ter"],
    "fr": ["de", "du", "de la", "le"],
    "it": ["di", "de", "della", "dal"],
    "arabic": ["bin", "al", "Al", "ibn", "Abu", "El", "bint"],
    "en": ["St.", "de", "van"],
}
SURNAME_PREFIX = ("O'", "Mc", "Mac", "Fitz", "O'", "Mc", "D'")
PT_SUFFIX = ("Filho", "Neto", "Júnior", "Jr.", "Sobrinho", "Netto", "Junior")
EN_SUFFIX = ("Jr.", "Sr.", "III", "II", "Jr", "IV", "PhD", "MD", "Esq.")
# Countries as people write them, beside Faker's official lists.
COUNTRIES = {
    "pt": "EUA|Estados Unidos|Inglaterra|Escócia|Irlanda|Reino Unido|Holanda|Coreia do Sul|Rússia|Síria|Irã|Bolívia|Venezuela|Palestina|"
    "Taiwan|Brasil|Portugal",
    "en": "USA|U.S.|US|U.S.A.|United States|UK|U.K.|England|Scotland|Wales|Britain|Great Britain|Northern Ireland|South Korea|North Korea|"
    "Russia|Syria|Iran|Bolivia|Taiwan|Palestine",
}
# Dates: d, dd, m, mm, yy, yyyy, and names of months and days as the grammar has them.
DATE_FORMATS = {
    "pt": "{dd}/{mm}/{yyyy}|{dd}/{mm}/{yyyy}|{dd}/{mm}/{yy}|{dd}/{mm}|{d}/{m}|{d}/{m}/{yyyy}|{dd}-{mm}-{yyyy}|{dd}.{mm}.{yyyy}|"
    "{yyyy}-{mm}-{dd}|{d} de {month} de {yyyy}|{d} de {month}"
    "|{dd} {month} {yyyy}|{weekday}, {d} de {month}|{month}/{yyyy}|{month} de {yyyy}|dia {d}|1º de {month} de {yyyy}|{weekday}, {dd}/{mm}|"
    "{yyyy}{mm}{dd}|{d}.{m}.{yy}",
    "en": "{mm}/{dd}/{yyyy}|{mm}/{dd}/{yyyy}|{m}/{d}/{yy}|{m}/{d}|{dd}/{mm}/{yyyy}|{yyyy}-{mm}-{dd}|{yyyy}/{mm}/{dd}|{month} {d}, {yyyy}|"
    "{month} {d}|{d} {month} {yyyy}|{d} {month}"
    "|{month} {nth}, {yyyy}|the {nth} of {month}|{weekday}, {month} {d}|{month} {yyyy}|{dd}-{month}-{yyyy}|{dd}.{mm}.{yyyy}|{weekday} {d} "
    "{month} {yyyy}|{month} '{yy}|{yyyy}{mm}{dd}",
}

LANGUAGES = ("pt", "en")
PERSON_SLOTS = ("first", "first_f", "first_m", "last", "full", "full_f", "full_m", "initial_last", "last_first", "nick", "email", "user")
VALUE_SLOTS = (
    *("street", "address", "address_lines", "unit", "po_box", "city", "state", "country", "neighbourhood", "region", "place"),
    *(
        "org",
        "bank",
        "hospital",
        "school",
        "agency",
        "shop",
        "phone",
        "cpf",
        "cnpj",
        "rg",
        "cep",
        "date",
        "time",
        "number",
        "order",
        "money",
    ),
    *("url", "card", "plate", "age", "month", "weekday", "product", "job", "nationality", "language"),
)
SLOTS = PERSON_SLOTS + VALUE_SLOTS

_NAME = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+(?:(?:[' -]|\. )[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+)*\.?")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
# A letter that a name has in upper case: the first, and those behind a hyphen, an apostrophe and Mc; on-Sea and sur-Mer stay.
_STARTS_PART = re.compile(r"(?:^|(?<=['-])|(?<=^mc))[^\W\d_](?!n-|ur-)")
_KEY = re.compile(r"\{([^{}]*)\}")


def _all_held_out(what: str) -> BadInputError:
    return BadInputError(f"{what}: every one holds a held-out word; hold out fewer words")


def _lower(text: str) -> str:
    return fold(text).low


def _words(text: str) -> set[str]:
    """The folded words of a text, hyphenated ones also in parts."""
    whole = _WORD.findall(_lower(text))
    return {*whole, *(part for word in whole for part in re.split("['-]", word))}


def _latin(word: str) -> str:
    """A word with Cyrillic and Greek letters romanized; what is all in capitals becomes Capitalised."""
    if word.isascii() or word[0].lower() not in _LETTERS:
        return word.title() if word.isupper() and len(word) > 1 else word
    return "".join(_LETTERS.get(char, char) for char in word.lower()).title()


def _faker(kind: str, locale: str, *attributes: str) -> list[str]:
    """The strings of a Faker provider's lists; of a list of pairs, the second (the name beside its code). [] where it has none."""
    provider = importlib.import_module(f"faker.providers.{kind}.{locale}").Provider
    found: dict[str, None] = {}
    for attribute in attributes:
        values = getattr(provider, attribute, ())
        for value in values if isinstance(values, (tuple, list, dict)) else ():
            found[_latin((value if isinstance(value, str) else str(value[1])).strip())] = None
    # Placeholder lists hold nothing but a John Doe.
    # Sorted, since some of its lists are made from sets.
    return sorted(value for value in found if _NAME.fullmatch(value)) if len(found) > 2 else []


def _of_locales(locales: str, attribute: str) -> list[str]:
    return [name for locale in locales.split() for name in _faker("address", locale, attribute)]


class _Chain:
    """A character Markov chain over words (order 3; 2 where there are few): draws words that look like them and are none of them."""

    def __init__(self, words: Iterable[str], rng: random.Random):
        words = [word.replace("İ", "I").lower() for word in words if " " not in word and "." not in word and len(word) > 2]
        self.order = 3 if len(words) > 400 else 2
        self.pick = rng.choice
        following: dict[str, list[str]] = {}
        for word in words:
            padded = "^" * self.order + word + "$"
            for at in range(self.order, len(padded)):
                following.setdefault(padded[at - self.order : at], []).append(padded[at])
        self.following = {context: "".join(chars) for context, chars in following.items()}

    def draw(self) -> str:
        """One word, capital first, 3 to 13 letters; it may be a real one: the caller looks."""
        order, following, pick = self.order, self.following, self.pick
        while True:
            word = "^" * order
            while len(word) < order + 14:
                char = pick(following[word[-order:]])
                if char == "$":
                    break
                word += char
            if order + 3 <= len(word) < order + 14:
                word = word[order:].strip("'-")
                return _STARTS_PART.sub(lambda part: part[0].upper(), word)


class _Names:
    """Given names and surnames of one group, real and made up. Lists without gender serve both."""

    def __init__(self, group: str, rng: random.Random, held_out: frozenset[str]):
        lists: dict[str, list[list[str]]] = {"f": [], "m": [], "last": []}
        for place, name in zip(lists, GROUP_GAZETTEERS.get(group, ()), strict=False):
            lists[place].append(read_list(name))
        wide: dict[str, dict[str, None]] = {"f": {}, "m": {}, "last": {}}
        for place, text in zip(lists, EXTRA_NAMES.get(group, ()), strict=False):
            wide[place].update(dict.fromkeys(text.split()))
        for locale in GROUP_LOCALES[group]:
            either = _faker("person", locale, "first_romanized_names")
            f = _faker("person", locale, "first_names_female", "first_romanized_names_female") or either
            m = _faker("person", locale, "first_names_male", "first_romanized_names_male") or either
            if not f and not m:
                f = m = _faker("person", locale, "first_names")
            last = _faker(
                *("person", locale, "last_names", "last_names_male", "last_names_female", "last_names_unisex"),
                *("unisex_last_names", "last_romanized_names", "last_names_without_suffix"),
            )
            for place, values in (("f", f), ("m", m), ("last", last)):
                wide[place].update(dict.fromkeys(values))
        self.rng = rng
        self.lists: dict[str, list[list[str]]] = {}
        self.chains: dict[str, _Chain] = {}
        for place in lists:
            usable = [
                [name for name in names if not _words(name) & held_out and name[0].isupper() and len(name) > 1]
                for names in (*lists[place], [name for name in wide[place] if len(name) > 1])
            ]
            self.lists[place] = [names for names in usable if names]
            if not self.lists[place]:
                raise _all_held_out(f"the {place} names of group {group}")
            self.chains[place] = _Chain([name for names in self.lists[place] for name in names], rng)

    def known(self) -> set[str]:
        return {_lower(name) for lists in self.lists.values() for names in lists for name in names}

    def real(self, place: str) -> str:
        lists = self.lists[place]
        return self.rng.choice(lists[0] if len(lists) == 1 or self.rng.random() < GAZETTEER_SHARE else lists[-1])


@dataclass(frozen=True)
class _Person:
    """Somebody of a text. ``given`` and ``last`` are the first and last word of ``full``."""

    given: str
    middle: str
    last: str
    full: str


class Fillers:
    """Draws values for slots. Everything follows from the seed.

    ``held_out``: folded lower-case name words that no value holds (names kept for evaluation); a place with such a word is lost too.
    """

    def __init__(self, seed: int, held_out: frozenset[str] = frozenset()):
        self.rng = random.Random(seed)
        self.held_out = frozenset(held_out)
        self._fresh: dict[str, bool] = {}
        self.names = {group: _Names(group, self.rng, self.held_out) for group in GROUP_LOCALES}
        self.known = set(self.held_out).union(*(names.known() for names in self.names.values()))
        self.groups = {lang: (list(weights), _running(weights.values())) for lang, weights in GROUP_WEIGHTS.items()}
        self.nicks = {lang: [nick for nick in text.split() if not _words(nick) & self.held_out] for lang, text in NICKS.items()}
        self.parts = {key: text.split() for key, text in INVENTIVE.items()}
        self.indigenous = [text.split() for text in INDIGENOUS]
        self.new_surnames = [[text.split() for text in texts] for texts in NEW_SURNAMES.values()]
        self.rules = self._compile()
        self.fresh_text()

    def fresh_text(self) -> None:
        """Forget the numbered persons and values: a new text begins."""
        self.people: dict[int, _Person] = {}
        self.values: dict[tuple[str, int], str] = {}

    def fill(self, slot: str, lang: str, person: int | None = None) -> str:
        """A value for a slot in 'pt' or 'en'. With a number, the same slot is the same value and person slots are the same person's.

        No value holds one of ``< > { } |``, nor, address_lines apart, a line break. BadInputError: a slot or language that
        there is none of, or a slot whose every value is held out.
        """
        if slot not in SLOTS or lang not in LANGUAGES:
            raise BadInputError(f"template slot {{{slot}}} in language {lang!r}: slots are {', '.join(SLOTS)}; languages are pt and en")
        if person is not None and (slot, person) in self.values:
            return self.values[slot, person]
        for _ in range(200):
            value = self._person_slot(slot, lang, person) if slot in PERSON_SLOTS else self._value_slot(slot, lang)
            if not self._holds_out(value):
                break
        else:
            raise _all_held_out(f"200 values drawn for slot {{{slot}}}")
        if person is not None:
            self.values[slot, person] = value
        return value

    def _holds_out(self, value: str) -> bool:
        if not self.held_out:
            return False
        for word in _WORD.findall(value):
            if word not in self._fresh:
                self._fresh[word] = bool(_words(word) & self.held_out)
            if self._fresh[word]:
                return True
        return False

    # --- The grammar ---

    def _compile(self) -> dict[str, list[str | tuple[str | Callable[[], str], ...]]]:
        """Rules by name: a plain alternative is a string, another one a tuple of strings and of functions to call."""
        rules: dict[str, list[str | tuple[str | Callable[[], str], ...]]] = {}
        sources = self._sources()
        lines = [line for line in re.sub(r"\n +", " ", GRAMMAR.strip()).splitlines() if line]
        texts = {name: body for name, _, body in (line.partition(" = ") for line in lines)}

        def part(key: str) -> Callable[[], str]:
            if key.startswith("="):
                return lambda: self._mask(key[1:])
            if key in sources:
                return sources[key]
            if key not in texts and key not in self.lists:
                raise KeyError(key)
            return lambda: self._expand(key)

        for name, body in texts.items():
            alternatives = []
            for text in body.split("|"):
                text, _, times = text.strip().partition("^")
                if _words(_KEY.sub(" ", text)) & self.held_out:
                    continue
                pieces = _KEY.split(text)
                made = tuple(part(piece) if place % 2 else piece for place, piece in enumerate(pieces) if piece)
                alternatives += [made if len(pieces) > 1 else text] * int(times or 1)
            rules[name] = alternatives
        rules.update(self.lists)
        for name, alternatives in rules.items():
            if not alternatives:
                raise _all_held_out(f"the values of {name}")
        return rules

    def _sources(self) -> dict[str, Callable[[], str]]:
        """What grammar keys call besides rules, and self.lists: the word lists that are rules of their own."""
        faker_cities = ["cs_CZ", "da_DK", "de_DE", "de_AT", "de_CH", "en_IN", "es_CO", "es_CL", "fi_FI", "fr_DZ", "hr_HR", "id_ID", "it_IT"]
        faker_cities += ["nl_NL", "nl_BE", "pl_PL", "pt_PT", "ro_RO", "sk_SK", "sl_SI", "sv_SE", "ru_RU", "uk_UA"]
        by_locale = [_faker("address", locale, "cities", "city_names", "municipalities", "communes") for locale in faker_cities]
        # A country with 16,000 villages shall not drown the others.
        cities = [city for cities in by_locale for city in self.rng.sample(cities, min(len(cities), 400))]
        own = {name: _rule_words(name) for name in ("city_br", "city_us", "city_uk", "city_au", "city_ca", "city_own")}
        bairros = _faker("address", "pt_BR", "bairros")
        self.lists = {
            "city_world": cities,
            "bairro": bairros,
            "country_pt": _faker("address", "pt_BR", "countries") + COUNTRIES["pt"].split("|") * 3,
            "country_en": _faker("address", "en", "countries") + COUNTRIES["en"].split("|") * 3,
            "country_local": _of_locales("de es fr_FR it_IT nl_NL cs_CZ fi_FI", "countries"),
            "state_us": _faker("address", "en_US", "states"),
            "us_st": sorted(importlib.import_module("faker.providers.address.en_US").Provider.states_abbr),
            "county_uk": _faker("address", "en_GB", "counties"),
            "state_faker": [
                *_of_locales("de_DE en_IN es_ES es_MX id_ID ro_RO sv_SE hr_HR", "states"),
                *_faker("address", "fr_FR", "regions", "departments"),
                *_faker("address", "en_IE", "counties"),
            ],
            "street_ce": _of_locales("pl_PL cs_CZ sk_SK hr_HR", "streets"),
            "job_faker_pt": [job.lower() for job in _faker("job", "pt_BR", "jobs")],
            "job_faker_en": [job.lower() for job in _faker("job", "en_US", "jobs")],
        }
        for name, values in self.lists.items():
            self.lists[name] = [value for value in values if not _words(value) & self.held_out]
        towns = {
            "pt": own["city_br"] + bairros + _faker("address", "pt_PT", "cities"),
            "en": own["city_us"] + own["city_uk"],
            "world": cities + own["city_own"],
        }
        self.known |= {_lower(name) for names in (*towns.values(), *own.values()) for name in names}
        chains = {name: _Chain([word for town in names for word in town.split()], self.rng) for name, names in towns.items()}
        sources: dict[str, Callable[[], str]] = {
            "nl": lambda: "\n",
            "last_any": lambda: self._last(self._group("en")),
            "word_host": lambda: re.sub("[^a-z]", "", _lower(self._pseudo("en", "last"))),
            "pseudo_last_en": lambda: self._pseudo("en", "last"),
            "town_chain_pt": lambda: self._unknown(chains["pt"].draw),
            "town_chain_en": lambda: self._unknown(chains["en"].draw),
            "pseudo_town_world": lambda: self._unknown(chains["world"].draw),
            "first_pt_f": lambda: self._given("pt", "f"),
            "first_pt_m": lambda: self._given("pt", "m"),
        }
        for group in self.names:
            sources[f"first_{group}"] = lambda group=group: self._given(group, self.rng.choice("fm"))
            sources[f"last_{group}"] = lambda group=group: self._last(group)
        for group in ("nordic", "fr", "es", "it", "slavic"):
            sources[f"pseudo_{group}"] = lambda group=group: self._pseudo(group, "last")
        return sources

    def _expand(self, rule: str) -> str:
        alternative = self.rng.choice(self.rules[rule])
        if type(alternative) is str:
            return alternative
        return "".join([piece if type(piece) is str else piece() for piece in alternative])

    def _mask(self, mask: str) -> str:
        random = self.rng.random
        return "".join([_MASK[char][int(random() * len(_MASK[char]))] if char in _MASK else char for char in mask])

    # --- Persons ---

    def _group(self, lang: str) -> str:
        groups, running = self.groups[lang]
        return self.rng.choices(groups, cum_weights=running)[0]

    def _unknown(self, draw: Callable[[], str]) -> str:
        """A draw that is in no list. A small chain may know little else than its list: then two draws are joined."""
        for _ in range(40):
            if _lower(word := draw()) not in self.known:
                return word
        return word + draw().lower()

    def _pseudo(self, group: str, place: str) -> str:
        rng = self.rng
        if group != "pt" or rng.random() > INVENTIVE_SHARE:
            return self._unknown(self.names[group].chains[place].draw)
        if place == "last":
            start, middle, end = rng.choice(self.new_surnames)
            return self._unknown(lambda: rng.choice(start) + (rng.choice(middle) if rng.random() < 0.6 else "") + rng.choice(end))
        if rng.random() < 0.08:
            return self._unknown(lambda: "".join(rng.choice(part) for part in self.indigenous))
        return self._unknown(lambda: self._inventive(place))

    def _inventive(self, gender: str) -> str:
        start, end = self.rng.choice(self.parts["start"]), self.rng.choice(self.parts[gender])
        # Jo + ane, Gil + ane, Ro + nilda, Wel + ilson: two vowels or two hard consonants in a row are joined by what people put there.
        if start[-1] in "aeiou" and end[0] in "aeiouâéíó":
            start = start[:-1] if len(start) > 2 else start + self.rng.choice("sldnr")
        elif start[-1] not in "aeiou" and end[0] not in "aeiouâéíó":
            start += self.rng.choice("aeio")
        return start + end

    def _given(self, group: str, gender: str) -> str:
        return self._pseudo(group, gender) if self.rng.random() < PSEUDO_SHARE else self.names[group].real(gender)

    def _last(self, group: str) -> str:
        if group == "is":
            # No family names: the father's name, and son or daughter.
            return self._given("is", "m") + self.rng.choice(["son", "sson", "dóttir"])
        if self.rng.random() < PSEUDO_SHARE:
            return self._pseudo(group, "last")
        last = self.names[group].real("last")
        return self.rng.choice(SURNAME_PREFIX) + last if group == "en" and self.rng.random() < 0.02 and " " not in last else last

    def _make_person(self, lang: str, gender: str, numbered: bool) -> _Person:
        """A person; a numbered one bears no suffix and no initial for a first name, so that its parts stand for the whole."""
        rng = self.rng
        group = self._group(lang)
        given = self._given(group, gender)
        # Names wander: Priya Johnson, Kevin Nakamura.
        last_group = group if rng.random() < 0.9 else self._group(lang)
        last = self._last(last_group)
        dice = rng.random()
        middle: list[str] = []
        tail = ""
        if group == "pt":
            if dice < 0.35:
                middle.append(self._given("pt", gender))
            surnames = [self._last(last_group) for _ in range(rng.choices((0, 1, 2), (45, 43, 12))[0])]
            for surname in (*surnames, last):
                if rng.random() < 0.22 and " " not in surname:
                    either = ("dos", "das", "de") if surname.endswith("s") else ("de", "da", "do", "de", "da")
                    middle.append("e" if surnames and surname is last and rng.random() < 0.2 else rng.choice(either))
                middle.append(surname)
            last = middle.pop()
            if not numbered and rng.random() < 0.06:
                tail = f" {rng.choice(PT_SUFFIX)}"
        elif group == "es":
            if dice < 0.3:
                middle.append(self._given("es", gender))
            if dice < 0.65:
                middle.append(self._last("es"))
            if rng.random() < 0.12:
                middle.append(rng.choice(PARTICLES["es"]) if middle else "de")
        else:
            if dice < 0.18:
                middle.append(rng.choice("ABCDEFGHIJKLMNOPRSTVW") + ("." if rng.random() < 0.8 else ""))
            elif dice < 0.3:
                middle.append(self._given(group, gender))
            elif dice < 0.37 and group in PARTICLES:
                middle.append(rng.choice(PARTICLES[group]))
            elif dice < 0.43 and " " not in last and "-" not in last:
                last = f"{last}-{self._last(last_group).replace(' ', '-')}"
            elif dice < 0.46 and group == "fr":
                given = f"{given}-{self._given('fr', gender)}"
            if not numbered and rng.random() < 0.035:
                tail = f"{rng.choice((' ', ', '))}{rng.choice(EN_SUFFIX)}"
            if not numbered and rng.random() < 0.03:
                given = f"{given[0]}." if middle else given
        if lang == "en" and group != "en" and rng.random() < 0.4:
            given, last, tail = fold(given).plain, fold(last).plain, fold(tail).plain
            middle = [fold(word).plain for word in middle]
        words = f"{given} {' '.join(middle)} {last}".split()
        return _Person(words[0], " ".join(words[1:-1]), words[-1], " ".join(words) + tail)

    def _person_slot(self, slot: str, lang: str, number: int | None) -> str:
        base, _, gender = slot.partition("_")
        if gender not in ("f", "m"):
            base, gender = slot, self.rng.choice("fm")
        if number is None and base == "first":
            group = self._group(lang)
            given = self._given(group, gender)
            compound = 0.08 if group == "pt" else 0.03
            return f"{given} {self._given(group, gender)}" if self.rng.random() < compound else given
        if number is None and base == "last":
            return self._last(self._group(lang))
        if number is None:
            who = self._make_person(lang, gender, False)
        elif number in self.people:
            who = self.people[number]
        else:
            who = self.people[number] = self._make_person(lang, gender, True)
        return getattr(self, f"_as_{base}")(who, lang)

    def _as_first(self, who: _Person, _lang: str) -> str:
        return who.given

    def _as_last(self, who: _Person, _lang: str) -> str:
        return who.last

    def _as_full(self, who: _Person, _lang: str) -> str:
        return who.full

    def _as_initial_last(self, who: _Person, _lang: str) -> str:
        initial, dice = who.given[0], self.rng.random()
        if dice < 0.15:
            return f"{initial} {who.last}"
        if dice < 0.3:
            return f"{initial}. {self.rng.choice('ABCDEFGHJLMNPRSTVW')}. {who.last}"
        if dice < 0.35:
            return f"{initial}.{who.last}"
        return f"{who.given} {who.last[0]}." if dice < 0.45 else f"{initial}. {who.last}"

    def _as_last_first(self, who: _Person, _lang: str) -> str:
        dice = self.rng.random()
        last = who.last.upper() if dice < 0.25 else who.last
        # "Souza, Maria de" does occur, but a lone particle is no part to learn.
        whole = who.middle and who.middle.rpartition(" ")[2][0].isupper()
        rest = f"{who.given} {who.middle}" if whole and self.rng.random() < 0.4 else who.given
        return f"{last}, {rest}"

    def _as_nick(self, who: _Person, lang: str) -> str:
        rng = self.rng
        dice = rng.random()
        if dice < 0.4 or len(who.given) < 4:
            return rng.choice(self.nicks[lang])
        given = who.given.rstrip(".")
        # The first syllable or two: up to the second vowel, or the consonant behind the first.
        vowels = [place for place, char in enumerate(_lower(given)) if char in "aeiouy"]
        short = given[: max(vowels[1], 2) + 1] if len(vowels) > 1 and dice < 0.7 else given[: max(vowels[0] if vowels else 1, 1) + 2]
        if lang == "pt":
            stem = given[:-1] if given[-1].lower() in "aeo" else given
            return stem + rng.choice(("inho", "inha", "inha", "inho", "zinha", "zinho", "ão")) if dice > 0.75 else short
        return short + rng.choice(("y", "ie", "s", "o", "")) if dice > 0.7 and short[-1].lower() not in "aeiouy" else short

    def _as_user(self, who: _Person, _lang: str) -> str:
        rng = self.rng
        given, last = (re.sub("[^a-z]", "", _lower(word)) or "x" for word in (who.given, who.last))
        style = rng.randrange(9)
        digits = str(rng.randrange(1, 2010)) if rng.random() < 0.5 else ""
        if style < 3:
            return f"{given}{rng.choice('._-')}{last}{digits}"
        if style < 5:
            return f"{given[0]}{last}{digits}"
        if style < 6:
            return f"{given}{digits or rng.randrange(10, 99)}"
        if style < 7:
            return f"{last}.{given[0]}{digits}"
        return f"{given}{last}{digits}" if style < 8 else f"{_lower(self._expand('brand_a'))}{rng.choice('._x')}{given}{digits}"

    def _as_email(self, who: _Person, lang: str) -> str:
        return f"{self._as_user(who, lang)}@{self._expand('mail_host')}"

    # --- Everything else ---

    def _value_slot(self, slot: str, lang: str) -> str:
        made = getattr(self, f"_{slot}", None)
        if made is not None:
            return made(lang)
        rule = f"{slot}_{lang}"
        value = self._expand(rule if rule in self.rules else slot)
        return value.upper() if slot in _SOMETIMES_CAPITALS and self.rng.random() < 0.04 else value

    def _address(self, lang: str) -> str:
        rng = self.rng
        value = self._expand(f"address_{lang}")
        if rng.random() < 0.15:
            value = value.replace(",", "")
        if rng.random() < 0.05:
            value = f"{rng.randrange(1, 60)} {value}"
        return value.upper() if rng.random() < 0.04 else value

    def _address_lines(self, lang: str) -> str:
        rng = self.rng
        lines = self._expand(f"address_lines_{lang}").split("\n")
        if rng.random() < 0.05:
            rng.shuffle(lines)
        lines = [line + "," if line and rng.random() < 0.05 else line for line in lines]
        value = "\n".join(lines).strip("\n, ")
        return value.upper() if rng.random() < 0.04 else value

    def _cpf(self, _lang: str) -> str:
        body = self._mask("#########")
        number = body + cpf_digits(body)
        return number if self.rng.random() < 0.3 else f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"

    def _cnpj(self, _lang: str) -> str:
        body = self._mask("########000%") if self.rng.random() < 0.85 else self._mask("@##@@##@000%")
        number = body + cnpj_digits(body)
        return number if self.rng.random() < 0.3 else f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"

    def _card(self, _lang: str) -> str:
        body = self._mask(self.rng.choice(("4##############", "5%#############", "6011###########", "37############")))
        number = next(body + digit for digit in "0123456789" if is_luhn(body + digit))
        if self.rng.random() < 0.4:
            return number
        return self.rng.choice(" -").join(number[place : place + 4] for place in range(0, len(number), 4))

    def _date(self, lang: str) -> str:
        rng = self.rng
        day, month, year = rng.randrange(1, 29), rng.randrange(1, 13), rng.randrange(1940, 2028)
        style = rng.choice(DATE_FORMATS[lang].split("|"))
        return style.format(
            **{"d": day, "dd": f"{day:02}", "m": month, "mm": f"{month:02}", "yyyy": year, "yy": f"{year % 100:02}"},
            **{"nth": f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"},
            **{"month": self._expand(f"month_{lang}"), "weekday": self._expand(f"weekday_{lang}")},
        )


_MASK = {"#": "0123456789", "%": "123456789", "@": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "?": "abcdefghijklmnopqrstuvwxyz"}


def _running(weights: Iterable[int]) -> list[int]:
    total, sums = 0, []
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


def _rule_words(name: str) -> list[str]:
    """The alternatives of a rule of the grammar that is a plain list."""
    body = re.search(rf"^{name} = (.*(?:\n +.*)*)", GRAMMAR, re.MULTILINE).group(1)
    return [word.strip().partition("^")[0] for word in body.split("|")]


if __name__ == "__main__":
    samples = Fillers(0)
    for each_slot in SLOTS:
        for each_lang in LANGUAGES:
            print(f"{each_slot} {each_lang}: " + " ; ".join(samples.fill(each_slot, each_lang).replace("\n", " / ") for _ in range(20)))
