"""Brazilian Portuguese texts of the invented shop "Casa Jatobá" (own text; see make_sample.py for the slots).

Agreement: {o} {O} {e} {um} {meu} {Meu} {ao} follow the product's gender ("quebrad{o}", "ess{e}"), {c} the customer's,
{t} and {rel} the third person's.
"""

SYSTEM = [
    "Você atende os clientes da Casa Jatobá. Seja cordial e informe o protocolo.",
    "Atendimento Casa Jatobá: chame o cliente pelo nome, explique a regra e diga o próximo passo.",
    "Você é a assistente virtual da Casa Jatobá, loja de móveis e artigos para o lar.",
]

HELLO = ["Oi, bom dia.", "Boa tarde!", "Olá, tudo bem?", "Boa noite, pessoal.", "Oi!", "Bom dia!", "Olá.", "Oi, gente, tudo certo?", "", ""]

# How customers say who they are; the first entries need no more than a name. The share of each is its weight.
WHO = {
    "Meu nome é {name}.": 5,
    "Sou {c} {name}.": 5,
    "Aqui é {c} {first}.": 5,
    "Me chamo {name}, meu whats é {phone}.": 4,
    "Aqui é {c} {name}, CPF {cpf}.": 5,
    "O cadastro está no nome de {name}, e-mail {email}.": 5,
    "Nome: {name}\nCPF: {cpf}\nTelefone: {phone}": 3,
    "Segue para conferência: {name}, CPF {cpf}.": 3,
    "Sou {c} {first} e comprei com o e-mail {email}.": 4,
    "Quem fala é {first}, pode retornar no {phone}?": 4,
    "Obrigad{c}, {name}": 4,
    "Att.,\n{name}\n{phone}": 3,
    "Meu cadastro: {name} / {email} / {phone}.": 2,
    "Titular da compra: {name} (CPF {cpf}).": 3,
    "Podem me chamar de {first}; o contato é {email} ou {phone}.": 2,
}

OPEN = [
    "Olá, {first}! Aqui é a Casa Jatobá.",
    "Oi, {first}, tudo bem? Obrigado por falar com a Casa Jatobá.",
    "Olá, {first}! A Casa Jatobá agradece o seu contato.",
]
OPEN_NAMELESS = ["Olá! Aqui é a Casa Jatobá.", "Olá! A Casa Jatobá agradece o seu contato."]
PROTOCOL = ["Seu protocolo é {protocol}.", "Anote o protocolo: {protocol}.", "O protocolo deste atendimento é {protocol}."]
AGAIN = ["Certo, {first}.", "Entendi, {first}.", "Obrigado pela mensagem, {first}.", "{first}, já verifiquei aqui."]
AGAIN_NAMELESS = ["Certo.", "Entendi.", "Já verifiquei aqui."]
END_MORE = [
    "Qualquer dúvida, é só citar o protocolo {protocol}.",
    "O protocolo {protocol} continua aberto até a conclusão.",
    "Tudo ficou registrado no protocolo {protocol}.",
]
CLOSE = "\n\nEquipe Casa Jatobá"

# Follow-ups that fit any subject.
MORE = [
    ("Podem mandar a resposta por escrito? Meu e-mail é {email}.",
     "Enviamos o resumo deste atendimento para {email}; a mensagem chega em até 2 horas e traz os prazos que combinamos aqui."),
    ("Se precisarem falar comigo, meu celular é {phone}, de preferência depois das {hour}h.",
     "Registrei o número {phone}. Nossa equipe liga de segunda a sexta, das 8h às 20h, e tenta três vezes antes de encerrar o contato."),
    ("Quem vai estar em casa é {rel}, {other}. Tem problema?",
     "Deixei {other} como pessoa autorizada; no dia, basta apresentar um documento com foto a quem for fazer o atendimento."),
    ("Esqueci de passar o documento: CPF {cpf}. Precisa de mais alguma coisa?",
     "Com o CPF {cpf} o cadastro foi confirmado e não falta nenhum dado; o próximo aviso chega pelo aplicativo."),
    ("E se eu não conseguir resolver por aqui, com quem eu falo?",
     "Você pode procurar a ouvidoria da Casa Jatobá, que responde em até 3 dias úteis, ou ligar de segunda a sexta, das 8h às 20h."),
    ("Vou aproveitar e comprar mais um item de {price}. Pago frete?",
     "O frete é grátis em compras acima de R$ 299 para todo o Brasil; abaixo desse valor, o site calcula pelo CEP antes do pagamento."),
    ("Dá para parcelar se eu levar também {um2} {product2}?",
     "Dá sim: no cartão fazemos em até 12x sem juros, com parcela mínima de R$ 50, e no PIX o desconto é de 5% à vista."),
    ("A compra foi feita por {rel}, {other}, e-mail {email2}. Muda alguma coisa?",
     "Nesse caso precisamos do aceite do titular: enviamos um link para {email2} e, assim que {other} confirmar, seguimos normalmente."),
    ("Vou viajar na {weekday}. Alguém pode responder por mim? {Rel}, {other}, telefone {phone2}.",
     "Incluí {other} como segundo contato, com o telefone {phone2}; a equipe só liga se não encontrar você primeiro."),
    ("Perfeito, era só isso. Demora muito para atualizar no aplicativo?",
     "O aplicativo mostra a nova situação em até 2 horas; se nada mudar nesse prazo, basta sair da conta e entrar de novo."),
]

INTENTS = {
    "order_status": {
        "ask": [
            "Fiz o pedido {order} em {date} e queria saber quando {o} {product} chega em {city}.",
            "Alguma novidade do pedido {order}? O rastreio {code} não muda desde {date}.",
            "Queria o status d{o} {product} que comprei por {price}, pedido {order}.",
            "O site diz que o pedido {order} está \"em separação\" há {days} dias, é isso mesmo?",
        ],
        "detail": [
            "Preciso me programar para receber.", "Moro em prédio e a portaria pede aviso antes.", "Paguei tudo certinho em {date}.",
        ],
        "fact": [
            "O rastreio é atualizado todos os dias até as 20h e a entrega em {city} leva até 12 dias úteis depois da postagem.",
            "Depois da postagem, a transportadora tem até 12 dias úteis e atualiza o rastreio diariamente até as 20h.",
        ],
        "step": [
            "O pedido {order} já saiu do nosso centro de distribuição com o código {code}.",
            "{O} {product} está em rota e a previsão de chegada é {date2}; você recebe um aviso na véspera.",
            "Conferi o pedido {order}: a separação terminou e a coleta pela transportadora será na {weekday}.",
        ],
        "more": [
            ("A transportadora marca horário?",
             "A entrega acontece em período comercial, das 8h às 18h, e o motorista avisa por mensagem uns 30 minutos antes de chegar."),
            ("E se não tiver ninguém em casa na {weekday}?",
             "São feitas até três tentativas em dias úteis seguidos; depois disso o volume volta ao depósito e combinamos nova data."),
        ],
    },
    "late_delivery": {
        "ask": [
            "{Meu} {product} era para chegar em {date} e até agora nada. O pedido é o {order}.",
            "Já são {days} dias de atraso no pedido {order} e ninguém me dá uma posição.",
            "Prometeram a entrega em {city} para {date} e ninguém apareceu, pedido {order}.",
            "O rastreio {code} fala em \"tentativa frustrada\", mas eu fiquei em casa o dia inteiro.",
        ],
        "detail": [
            "Já tirei folga duas vezes por causa disso.", "Estou sem móvel nenhum até lá.", "Quero uma data de verdade, por favor.",
        ],
        "fact": [
            "Quando a entrega atrasa, a nova data é confirmada em até 2 dias úteis e você ganha um vale de R$ 40.",
            "Pela nossa regra, todo atraso gera um vale de R$ 40 e a nova data sai em até 2 dias úteis.",
        ],
        "step": [
            "Pedimos desculpas: houve retenção na base de {city} e a nova previsão d{o} {product} é {date2}.",
            "Abri uma cobrança com a transportadora sobre o pedido {order} e acompanho até a entrega.",
            "O volume do pedido {order} foi localizado e entra na rota de {weekday}, com prioridade.",
        ],
        "more": [
            ("E como eu uso esse vale de R$ 40?",
             "O vale aparece em \"Meus créditos\" no aplicativo, vale por 90 dias e pode ser usado em qualquer compra, sem valor mínimo."),
            ("Se passar de {date2} eu posso desistir?",
             "Pode: passada a nova data, cancelamos sem custo e o valor de {price} volta inteiro pela mesma forma de pagamento."),
        ],
    },
    "return": {
        "ask": [
            "Recebi {o} {product} em {date}, mas não combinou com a sala. Como faço para devolver?",
            "Quero devolver {o} {product} do pedido {order}, ficou grande demais para o meu apartamento em {city}.",
            "Me arrependi da compra de {price}. Ainda dá tempo de devolver? Chegou faz {few} dias.",
            "A cor {color} é bem diferente da foto do site, quero devolver o pedido {order}.",
        ],
        "detail": ["Está tudo na caixa, nem montei.", "Já abri a embalagem, mas não usei.", "Não quero troca, só a devolução."],
        "fact": [
            "Você tem 7 dias para desistência, contados do recebimento, e a coleta em casa é gratuita.",
            "O prazo para desistência é de 7 dias após o recebimento e não cobramos nada pela coleta.",
        ],
        "step": [
            "Agendei a retirada d{o} {product} em {city} para {date2}; deixe o volume embalado, com a nota fiscal.",
            "A coleta do pedido {order} ficou marcada para {weekday}, das 8h às 18h.",
            "Enviei a autorização de devolução; é só colar a etiqueta {code} na caixa e aguardar a coleta.",
        ],
        "more": [
            ("Joguei a caixa original fora, e agora?",
             "Não tem problema: nosso coletor leva uma manta de proteção e embala o móvel na hora, desde que não haja sinais de uso."),
            ("Quando recebo o dinheiro de volta?",
             "Assim que o móvel passa pela conferência, em até 3 dias úteis, pedimos o estorno: no cartão ele aparece em até 2 faturas."),
        ],
    },
    "damaged_piece": {
        "ask": [
            "{Meu} {product} chegou com a {part} quebrada. Comprei por {price}, pedido {order}.",
            "Abri a caixa d{o} {product} hoje e a {part} veio lascada, como resolve?",
            "A entrega em {city} foi em {date} e só agora vi um rachado na {part}.",
            "O pedido {order} chegou amassado e {o} {product} está tod{o} riscad{o} do lado esquerdo.",
        ],
        "detail": ["Tenho fotos, posso mandar agora.", "A embalagem já veio rasgada.", "Assinei o recibo sem conferir, confesso."],
        "fact": [
            "Peças danificadas são trocadas sem custo e a reposição chega em até 10 dias úteis.",
            "A reposição de peça danificada é gratuita e leva até 10 dias úteis para chegar.",
        ],
        "step": [
            "Envie até três fotos da {part} e da etiqueta da caixa por este chat, que eu já libero a peça.",
            "Pedi a peça nova d{o} {product}; a que veio com defeito pode ser descartada.",
            "A {part} do SKU {sku} está separada e a previsão para {city} é {date2}.",
        ],
        "more": [
            ("Prefiro trocar o móvel inteiro, é possível?",
             "Se a avaria atingir mais de uma peça, trocamos o móvel completo; a equipe analisa as fotos e responde em até 2 dias úteis."),
            ("Quem faz a troca da peça na minha casa?",
             "Nosso montador faz a troca sem cobrar nada, em até 5 dias úteis depois que a peça nova chegar ao seu endereço."),
        ],
    },
    "missing_screws": {
        "ask": [
            "Faltaram {few} parafusos n{o} {product}, SKU {sku}. Não consigo terminar de montar.",
            "O saquinho de ferragens d{o} {product} veio incompleto, pedido {order}.",
            "Estou montando {o} {product} e não veio a chave allen nem as cavilhas.",
            "Contei tudo duas vezes e faltam {few} dobradiças no kit do pedido {order}.",
        ],
        "detail": ["O manual fala em {n} peças do tipo B.", "Está tudo espalhado pela sala.", "Procurei na caixa inteira e nada."],
        "fact": [
            "O kit de ferragens é enviado sem custo e chega em até 4 dias úteis.",
            "Mandamos um novo kit de ferragens de graça, com prazo de até 4 dias úteis.",
        ],
        "step": [
            "O kit completo d{o} {product} sai hoje para {city} com o código {code}.",
            "Registrei os itens que faltaram no pedido {order} e incluí peças de reserva.",
            "Por segurança, não use {o} {product} antes de apertar todos os parafusos do passo {few} do manual.",
        ],
        "more": [
            ("Posso comprar parafuso comum na loja de ferragens?",
             "Melhor aguardar: as ferragens da Casa Jatobá têm medida própria e o uso de outras pode afetar a garantia de 24 meses."),
            ("Tem manual em PDF? O meu veio rasgado.",
             "Tem sim: digite o SKU {sku} no aplicativo, em \"Manuais\", e baixe o arquivo com o passo a passo e o vídeo de montagem."),
        ],
    },
    "change_address": {
        "ask": [
            "Preciso mudar o endereço do pedido {order}: saí de {city} e agora estou em {city2}.",
            "Coloquei o número errado da casa no pedido {order}, dá para corrigir?",
            "Vou me mudar para {city2} em {date}. Dá para entregar {o} {product} no endereço novo?",
            "O pedido {order} está com o endereço antigo, de {city}. Como troco?",
        ],
        "detail": ["O endereço novo já está salvo no aplicativo.", "Se mandarem para lá, ninguém recebe.", "Foi distração minha."],
        "fact": [
            "O endereço pode ser alterado até 24 horas antes da expedição, sem taxa, se for no mesmo estado.",
            "Até 24 horas antes da expedição trocamos o endereço sem taxa dentro do mesmo estado.",
        ],
        "step": [
            "O pedido {order} ainda não foi expedido e já aponta para {city2}.",
            "Atualizei o destino para o endereço principal do seu cadastro; o novo prazo é {date2}.",
            "Como a mudança é de {city} para {city2}, recalculei o prazo: são mais {few} dias úteis.",
        ],
        "more": [
            ("Lá no prédio novo só aceitam entrega de manhã.",
             "Incluí a observação \"somente pela manhã\" para a transportadora; ela tenta cumprir, mas o período oficial é das 8h às 18h."),
            ("Vai ter diferença de frete?",
             "Não: em compras acima de R$ 299 o frete é grátis, e a alteração feita antes da expedição não gera cobrança."),
        ],
    },
    "invoice": {
        "ask": [
            "Não recebi a nota fiscal do pedido {order}. Podem mandar para {email}?",
            "A nota fiscal d{o} {product} saiu sem o meu CPF. O correto é CPF {cpf}.",
            "Preciso da nota do pedido {order} no CNPJ {cnpj}, para a contabilidade.",
            "A chave {nfe} não abre no portal. Podem reenviar a nota de {price}?",
        ],
        "detail": ["É para o reembolso da empresa.", "A garantia pede esse documento.", "Já olhei na caixa de spam."],
        "fact": [
            "A nota fiscal eletrônica é enviada por e-mail em até 24 horas depois do faturamento e fica no aplicativo por 5 anos.",
            "Enviamos a nota fiscal eletrônica em até 24 horas após o faturamento, e ela fica guardada no aplicativo por 5 anos.",
        ],
        "step": [
            "Reenviei agora o arquivo do pedido {order}, em PDF e XML.",
            "Confira em \"Meus pedidos\", botão \"Nota fiscal\": o documento de {date} já está disponível.",
            "Pedi ao setor fiscal a carta de correção, que sai em até 2 dias úteis.",
        ],
        "more": [
            ("Dá para trocar o nome na nota para {other}, CPF {cpf2}?",
             "Depois de emitida, a nota não muda de titular; {other} pode receber o móvel, mas o documento fica em seu nome."),
            ("O XML também serve para o contador?",
             "Serve: o XML é o documento oficial, e o PDF é só a versão para impressão; os dois saem juntos na mesma mensagem."),
        ],
    },
    "refund": {
        "ask": [
            "Devolvi {o} {product} em {date} e o estorno de {price} ainda não apareceu.",
            "Cadê o meu reembolso do pedido {order}? Já faz {days} dias.",
            "O cartão {card} ainda não mostra o estorno de {price} do pedido {order}.",
            "Cancelaram o pedido {order}, mas continuo pagando as parcelas.",
        ],
        "detail": ["A fatura fecha na {weekday}.", "O banco diz que não recebeu nada de vocês.", "Só quero uma previsão."],
        "fact": [
            "No cartão, o estorno aparece em até 2 faturas; no PIX, o valor volta em até 3 dias úteis.",
            "O estorno leva até 2 faturas no cartão e até 3 dias úteis quando a compra foi por PIX.",
        ],
        "step": [
            "O pedido de estorno de {price} foi enviado à operadora em {date2}.",
            "Confirmei a conferência d{o} {product} e liberei o valor integral, inclusive o frete.",
            "Anexei ao pedido {order} a carta de estorno, que você pode apresentar ao banco.",
        ],
        "more": [
            ("Posso receber por PIX? A chave é o meu e-mail, {email}.",
             "Por segurança, o valor volta pela mesma forma de pagamento; a chave {email} só pode ser usada em compras feitas por PIX."),
            ("E as parcelas que já paguei?",
             "A operadora devolve o total de uma vez, como crédito na fatura, mesmo que a compra tenha sido dividida em 12x sem juros."),
        ],
    },
    "pix": {
        "ask": [
            "Paguei {price} por PIX em {date} e o pedido {order} continua \"aguardando pagamento\".",
            "O QR Code do PIX expirou antes de eu pagar {o} {product}. O que eu faço?",
            "Fiz o PIX duas vezes sem querer no pedido {order}, foram dois de {price}.",
            "Qual é o desconto d{o} {product} se eu pagar no PIX?",
        ],
        "detail": ["Tenho o comprovante aqui.", "O banco confirmou na hora.", "Não quero perder o preço de hoje."],
        "fact": [
            "O código PIX vale por 30 minutos, dá 5% de desconto e a confirmação leva até 1 hora.",
            "No PIX há 5% de desconto; o código expira em 30 minutos e o pagamento é confirmado em até 1 hora.",
        ],
        "step": [
            "Localizei o pagamento de {price} e o pedido {order} já está aprovado.",
            "Gerei um novo código com o mesmo preço; ele está em \"Meus pedidos\", no aplicativo.",
            "Quando há pagamento em dobro, o segundo valor volta sozinho em até 3 dias úteis.",
        ],
        "more": [
            ("A conta que pagou é de {rel}, {other}, CPF {cpf2}. Tem problema?",
             "Não tem: aceitamos PIX de terceiros, mas uma eventual devolução volta para a conta de {other}, que fez o pagamento."),
            ("Posso pagar metade no PIX e metade no cartão?",
             "Ainda não: cada pedido aceita uma forma de pagamento; para dividir, o cartão oferece até 12x sem juros."),
        ],
    },
    "boleto": {
        "ask": [
            "O boleto de {price} venceu em {date} e não consegui pagar. Podem emitir outro?",
            "Paguei o boleto do pedido {order} na {weekday} e ainda não foi aprovado.",
            "O código de barras do boleto d{o} {product} não é aceito pelo meu banco.",
            "Perdi o boleto do pedido {order}, mandem de novo para {email}, por favor.",
        ],
        "detail": ["Paguei na lotérica, em {city}.", "Não uso cartão.", "Fiquei sem internet esses dias."],
        "fact": [
            "O boleto vale por 3 dias úteis e a compensação leva até 2 dias úteis depois do pagamento.",
            "Cada boleto tem validade de 3 dias úteis, e o banco leva até 2 dias úteis para compensar.",
        ],
        "step": [
            "Emiti a segunda via de {price} com vencimento em {date2}, sem juros nem multa.",
            "O pedido {order} fica reservado até o fim desse prazo; não precisa comprar de novo.",
            "Se o banco recusar o código de barras, copie a linha digitável que aparece no topo do boleto.",
        ],
        "more": [
            ("Dá para parcelar o boleto?",
             "O boleto é sempre à vista; para dividir a compra, usamos o cartão, em até 12x sem juros com parcela mínima de R$ 50."),
            ("Quanto tempo até separarem {o} {product}?",
             "Depois da compensação, a separação leva 1 dia útil e você recebe o código de rastreio no mesmo dia da postagem."),
        ],
    },
    "card_declined": {
        "ask": [
            "Meu cartão {card} foi recusado na compra de {price}, mas tem limite.",
            "Tentei pagar {o} {product} em 12x e deu \"não autorizado\". O cartão é o {card}.",
            "O site recusa o cartão {card}, validade {expiry}, desde {date}.",
            "Compra de {price} negada três vezes, pedido {order}. Fui bloquead{c}?",
        ],
        "detail": ["O banco diz que não tem nada errado.", "Uso esse cartão em todo lugar.", "O estoque está acabando, tenho pressa."],
        "fact": [
            "Após três recusas o sistema bloqueia novas tentativas por 24 horas, e {o} {product} fica reservad{o} nesse período.",
            "O bloqueio por três recusas dura 24 horas, e nesse tempo {o} {product} continua reservad{o} para você.",
        ],
        "step": [
            "Por segurança, nunca envie o número do cartão pelo chat; já apaguei esse dado do atendimento.",
            "Peça ao banco a liberação de compra on-line de {price} e tente de novo pelo aplicativo.",
            "Se preferir, troque para PIX, com 5% de desconto, sem perder o pedido {order}.",
        ],
        "more": [
            ("Posso usar o cartão de {rel}, {other}? É o {card2}.",
             "Pode, desde que {other} conclua o pagamento pelo link seguro; não anotamos números de cartão e esse dado foi apagado daqui."),
            ("Vocês aceitam dois cartões na mesma compra?",
             "Aceitamos até dois cartões por pedido, cada um em até 12x sem juros, com parcela mínima de R$ 50 em cada cartão."),
        ],
    },
    "warranty": {
        "ask": [
            "{O} {product} que comprei em {date} está com a {part} solta. Ainda tem garantia?",
            "Qual é a garantia d{o} {product}? A {part} começou a estufar.",
            "Comprei {o} {product} há {days} meses, pedido {order}, e a {part} empenou.",
            "O acabamento {color} está descascando com {few} meses de uso.",
        ],
        "detail": ["Sempre usei normalmente.", "Guardei a nota fiscal.", "Limpo só com pano seco."],
        "fact": [
            "A garantia da Casa Jatobá é de 24 meses para estrutura e ferragens, contados da entrega.",
            "Estrutura e ferragens têm garantia de 24 meses, a contar da entrega.",
        ],
        "step": [
            "Mande duas fotos da {part} e o número da nota; a análise técnica leva até 3 dias úteis.",
            "Marquei uma visita técnica gratuita em {city} para {date2}.",
            "O pedido {order} está dentro do prazo e abri a solicitação de reparo sem custo.",
        ],
        "more": [
            ("A garantia cobre mancha de água?",
             "Manchas por líquidos e exposição ao sol não entram na garantia, mas vendemos o kit de retoque {color} a preço de custo."),
            ("E se o conserto não resolver?",
             "Se o mesmo defeito voltar em até 30 dias depois do reparo, você escolhe entre um móvel novo e a devolução do valor."),
        ],
    },
    "assembly": {
        "ask": [
            "Comprei {o} {product} com montagem e ninguém ligou para agendar. Pedido {order}.",
            "Como marco a montagem d{o} {product} em {city}?",
            "O montador não apareceu em {date}, fiquei esperando à toa.",
            "A montagem d{o} {product} é paga à parte?",
        ],
        "detail": ["Trabalho fora, só posso à tarde.", "O prédio exige o nome do montador.", "Não tenho ferramenta nenhuma em casa."],
        "fact": [
            "A montagem é gratuita e acontece em até 5 dias úteis depois da entrega.",
            "Fazemos a montagem sem custo em até 5 dias úteis, contados da entrega.",
        ],
        "step": [
            "O horário livre em {city} é {weekday}, {date2}, das 13h às 17h; já deixei reservado.",
            "Quem vai montar {o} {product} é {t} {other}, da nossa equipe, com crachá e uniforme.",
            "Deixe o espaço livre, com um metro de folga, e confira se todas as caixas do pedido {order} chegaram.",
        ],
        "more": [
            ("O montador também fura a parede?",
             "Sim, a fixação na parede está incluída, desde que você confirme que não há cano nem fiação no ponto escolhido."),
            ("Preciso remarcar, na {weekday} não vai dar.",
             "Remarquei para {date2}, no mesmo período; mudanças feitas até a véspera não têm custo e mantêm a prioridade."),
        ],
    },
    "cancel": {
        "ask": [
            "Quero cancelar o pedido {order}, comprei {o} {product} errad{o}.",
            "Cancelem, por favor, a compra de {price} feita em {date}.",
            "Achei {o} {product} mais barat{o} em {city}, ainda dá para cancelar o {order}?",
            "Fiz dois pedidos iguais sem querer. Cancelem só o {order}.",
        ],
        "detail": ["Ainda não saiu para entrega.", "Minha esposa comprou o mesmo.", "Mudei os planos da reforma."],
        "fact": [
            "O cancelamento é imediato e sem custo antes do faturamento; depois disso, vale o prazo de 7 dias para desistência.",
            "Antes do faturamento cancelamos na hora, sem custo; depois, valem os 7 dias para desistência.",
        ],
        "step": [
            "O pedido {order} ainda não tinha nota e já está cancelado.",
            "Como {o} {product} já foi faturad{o}, basta recusar a entrega que o cancelamento segue sozinho.",
            "O valor de {price} volta em até 2 faturas no cartão ou em até 3 dias úteis no PIX.",
        ],
        "more": [
            ("Recebo algum comprovante do cancelamento?",
             "Sim, o comprovante chega por e-mail em até 2 horas e também fica no aplicativo, na aba \"Pedidos cancelados\"."),
            ("Mudei de ideia, dá para desfazer?",
             "O cancelamento não pode ser desfeito, mas reservei {o} {product} pelo mesmo preço por 24 horas para uma nova compra."),
        ],
    },
    "coupon": {
        "ask": [
            "O cupom {coupon} não funciona na compra d{o} {product}.",
            "Ganhei o cupom {coupon} por e-mail, mas o site diz \"inválido\".",
            "Esqueci de usar o cupom {coupon} no pedido {order}. Dá para aplicar agora?",
            "Posso somar o cupom {coupon} com o desconto do PIX? A compra é de {price}.",
        ],
        "detail": ["Recebi no meu aniversário.", "O e-mail diz que vale até {date2}.", "Tentei no celular e no computador."],
        "fact": [
            "O cupom vale para compras a partir de R$ 199, um por pedido, e não soma com o desconto do PIX.",
            "Cada pedido aceita um cupom, a partir de R$ 199, e ele não acumula com os 5% do PIX.",
        ],
        "step": [
            "Reativei o {coupon} na sua conta até {date2}; digite tudo em maiúsculas, sem espaço.",
            "Apliquei a diferença do pedido {order} como crédito para a próxima compra.",
            "Esse código é da primeira compra, por isso deixei outro, o JATOBA15, já ativo no seu cadastro.",
        ],
        "more": [
            ("O cupom vale para item em promoção?",
             "Vale para itens com até 30% de desconto; acima disso, o sistema mantém apenas o preço da promoção."),
            ("Posso passar o cupom para {rel}, {other}?",
             "O cupom é pessoal e fica ligado ao cadastro, mas {other} recebe outro igual ao indicar a própria conta no aplicativo."),
        ],
    },
    "account_access": {
        "ask": [
            "Não consigo entrar na minha conta, {email}, diz que a senha está errada.",
            "Recebi um alerta de acesso do IP {ip}, não fui eu!",
            "O link de redefinir senha não chega no e-mail {email}.",
            "Minha conta foi bloqueada em {date}, o aviso mostra o IP {ip}.",
        ],
        "detail": ["Uso a versão 4.12.3 do aplicativo.", "Já tentei cinco vezes.", "Tenho um pedido em andamento, o {order}."],
        "fact": [
            "Após 5 tentativas a conta é bloqueada por segurança, e o link de nova senha vale por 30 minutos.",
            "O bloqueio acontece depois de 5 tentativas; o link para criar outra senha vale por 30 minutos.",
        ],
        "step": [
            "Enviei um novo link para o e-mail do cadastro; confira também a caixa de spam.",
            "Encerrei todas as sessões abertas e ativei a confirmação por SMS.",
            "Nenhuma compra foi feita nesse acesso e o pedido {order} segue normal.",
        ],
        "more": [
            ("Dá para saber de onde foi o acesso? Aparece também {ip2}.",
             "Bloqueamos o endereço {ip2} e a área de segurança analisa os registros; a resposta sai em até 3 dias úteis."),
            ("Troquei de e-mail, o novo é {email2}.",
             "Para sua segurança, confirme a troca pelo link que enviei a {email2}; só depois disso o endereço antigo é removido."),
        ],
    },
    "privacy": {
        "ask": [
            "Com base na LGPD, quero saber quais dados meus vocês guardam. E-mail {email}, CPF {cpf}.",
            "Peço a exclusão dos meus dados do cadastro {email}.",
            "Vocês passaram meu telefone {phone} para outra empresa? Quero explicação.",
            "Quero corrigir meu cadastro: o CPF certo é {cpf} e o telefone é {phone}.",
        ],
        "detail": ["É um direito meu, artigo 18.", "Recebi ligação de uma financeira.", "Não compro mais na loja."],
        "fact": [
            "Pela LGPD, o nosso encarregado de dados responde em até 15 dias, sem nenhum custo para você.",
            "O encarregado de dados da Casa Jatobá responde em até 15 dias, de graça, como prevê a LGPD.",
        ],
        "step": [
            "Registrei o pedido e vamos confirmar a sua identidade pelo aplicativo antes de seguir.",
            "Notas fiscais ficam guardadas por 5 anos por obrigação legal; o restante é apagado.",
            "Não vendemos dados: só a transportadora recebe o nome e o endereço da entrega.",
        ],
        "more": [
            ("Também quero revogar o consentimento para propaganda.",
             "Consentimento revogado agora; as mensagens de propaganda param em até 48 horas e só os avisos de pedido continuam."),
            ("Nos meus dados aparece um acesso do IP {ip}. O que é isso?",
             "O registro {ip} é do acesso ao site, guardado por 6 meses como pede o Marco Civil da Internet, e depois apagado."),
        ],
    },
    "stock": {
        "ask": [
            "Quando volta ao estoque {o} {product} na cor {color}?",
            "Vi que {o} {product} está esgotad{o}. Tem previsão para {city}?",
            "Quero {um} {product} {color}, SKU {sku}, mas o site só deixa clicar em \"avise-me\".",
            "Preciso de {few} unidades d{o} {product} e o site só libera uma.",
        ],
        "detail": ["É o modelo que combina com a minha sala.", "Estou esperando desde {date}.", "Pode ser o de mostruário também."],
        "fact": [
            "O estoque do site é reposto toda terça-feira, e o botão \"Avise-me\" reserva a sua vez por 24 horas.",
            "Repomos o estoque às terças-feiras; quem usa o \"Avise-me\" tem 24 horas de prioridade.",
        ],
        "step": [
            "{O} {product} na cor {color} chega ao depósito em {date2}.",
            "Incluí o seu contato na lista de espera do SKU {sku}.",
            "No momento há {few} unidades na loja de {city}, com retirada no mesmo dia.",
        ],
        "more": [
            ("O preço de {price} continua quando voltar?",
             "Se você estiver na lista de espera, mantemos o preço de {price} por 24 horas a partir do aviso de chegada."),
            ("Tem outra cor disponível?",
             "Temos nas cores {color2} e {color}; as duas têm o mesmo preço e podem ser vistas em realidade aumentada no aplicativo."),
        ],
    },
    "measurements": {
        "ask": [
            "Qual é a medida d{o} {product} montad{o}? Meu espaço é de {size}.",
            "{O} {product} passa por uma porta de {cm} cm? Moro em {city}.",
            "No site a largura d{o} {product} aparece como {size}, mas o manual diz outra coisa.",
            "Quanto pesa {o} {product}, SKU {sku}, e quanto aguenta?",
        ],
        "detail": ["O elevador é pequeno.", "Tenho uma parede com rodapé alto.", "Não quero errar na compra."],
        "fact": [
            "As medidas ficam na ficha técnica e recomendamos 10 cm de folga de cada lado.",
            "Recomendamos deixar 10 cm de folga de cada lado; a ficha técnica traz todas as medidas.",
        ],
        "step": [
            "{O} {product} montad{o} mede {size2} e pesa {kg} kg.",
            "A maior caixa do SKU {sku} tem {cm2} cm de largura, então passa por portas comuns.",
            "O manual antigo tinha um erro de impressão; o que vale é o site: {size}.",
        ],
        "more": [
            ("E se não couber, posso devolver?",
             "Pode: você tem 7 dias para desistência depois de receber, com coleta gratuita, desde que o móvel não tenha marcas de uso."),
            ("Vocês fazem sob medida?",
             "Ainda não fazemos sob medida, mas a linha modular permite somar peças de 40 cm até chegar a {size}."),
        ],
    },
    "complaint": {
        "ask": [
            "É a terceira vez que reclamo do pedido {order} e ninguém resolve.",
            "Fui muito mal atendid{c} na loja de {city} em {date}.",
            "O entregador largou {o} {product} na calçada e foi embora, um absurdo.",
            "Prometeram retorno do protocolo {protocol2} e não ligaram.",
        ],
        "detail": [
            "Vou abrir reclamação no Procon.", "Sou cliente há {few} anos e nunca passei por isso.", "Quero falar com um responsável.",
        ],
        "fact": [
            "A ouvidoria analisa cada reclamação e responde em até 3 dias úteis, por escrito.",
            "Toda reclamação vai para a ouvidoria, que responde por escrito em até 3 dias úteis.",
        ],
        "step": [
            "Peço desculpas pelo que aconteceu em {city}; seu relato foi encaminhado com prioridade.",
            "{O_t} coordenador{a_t} {other} assumiu o caso e entra em contato até {date2}.",
            "Revisei o pedido {order} e liberei um vale de R$ 40 pelo transtorno.",
        ],
        "more": [
            ("Quero que liguem no {phone}, não por e-mail.",
             "A ouvidoria vai ligar para {phone} em horário comercial; se não atender, são feitas mais duas tentativas no dia seguinte."),
            ("Espero que dessa vez resolvam mesmo.",
             "É o que queremos também: se o prazo não for cumprido, o caso sobe direto para a gerência, sem nova reclamação sua."),
        ],
    },
    "wholesale": {
        "ask": [
            "Somos uma pousada em {city} e queremos {n} unidades d{o} {product}. CNPJ {cnpj}.",
            "Vocês vendem para empresa? Meu CNPJ é {cnpj} e preciso de {n} peças.",
            "Orçamento para escritório, CNPJ: {cnpj}, contato {email}.",
            "Sou arquitet{c} e quero revender a linha de {product} em {city}.",
        ],
        "detail": ["A verba é de {price} por peça.", "Precisamos de tudo até {date2}.", "Pode ser faturado em 28 dias?"],
        "fact": [
            "No atacado, a partir de 10 unidades, o desconto é de 8% e o orçamento sai em até 2 dias úteis.",
            "A partir de 10 unidades damos 8% de desconto, e o orçamento fica pronto em até 2 dias úteis.",
        ],
        "step": [
            "Sua proposta de {n} peças para {city} já está com o time de empresas.",
            "O cadastro da empresa foi criado; falta anexar o contrato social pelo aplicativo.",
            "{O_t} consultor{a_t} {other} vai cuidar da sua conta e entra em contato até {date2}.",
        ],
        "more": [
            ("A inscrição estadual é obrigatória?",
             "Só para revenda: quem compra para uso próprio pode informar \"isento\" e receber a nota no CNPJ normalmente."),
            ("O orçamento pode ir para {email2}, aos cuidados de {other}?",
             "Pode: a proposta será enviada para {email2}, em nome de {other}, e fica válida por 10 dias corridos."),
        ],
    },
    "pickup": {
        "ask": [
            "Posso retirar {o} {product} na loja de {city}? O pedido é o {order}.",
            "Quem vai retirar o pedido {order} é {rel}, {other}. O que precisa levar?",
            "Até quando o pedido {order} fica guardado no ponto de retirada de {city}?",
            "Cheguei no ponto de retirada em {date} e estava fechado.",
        ],
        "detail": ["Tenho carro grande, cabe tudo.", "Trabalho perto da loja.", "É melhor do que esperar a entrega."],
        "fact": [
            "Os pontos de retirada guardam o pedido por 10 dias e pedem documento com foto e o número da compra.",
            "Para retirar, leve documento com foto e o número da compra; guardamos o pedido por 10 dias.",
        ],
        "step": [
            "O pedido {order} já está disponível em {city}, de segunda a sábado, das 10h às 20h.",
            "Autorizei a retirada por outra pessoa, que deve levar também uma cópia do seu documento.",
            "{O} {product} fica pront{o} para retirada em {date2} e você recebe uma mensagem com a senha.",
        ],
        "more": [
            ("Quantas caixas são? Vou de carro pequeno.",
             "São {few} volumes e o maior tem {cm} cm; se não couber, convertemos para entrega, grátis acima de R$ 299."),
            ("Posso trocar para o ponto de {city2}?",
             "Troquei o ponto para {city2}; a transferência leva {few} dias úteis e o prazo de 10 dias recomeça na chegada."),
        ],
    },
    "gift": {
        "ask": [
            "Quero dar {o} {product} de presente para {rel}, {other}, que mora em {city}.",
            "Dá para mandar o pedido {order} sem o preço? É presente para {t} {other}.",
            "Vocês embalam {um} {product} para presente? É um casamento em {date2}.",
            "Escrevam no cartão \"Com carinho, {first}\" e entreguem para {other}.",
        ],
        "detail": ["É surpresa, não liguem antes.", "O casamento é no fim do mês.", "Pode cobrar junto no cartão."],
        "fact": [
            "A embalagem de presente custa R$ 19,90 e a nota vai sem preço, com um cartão de até 200 letras.",
            "Por R$ 19,90 enviamos embalagem de presente, cartão de até 200 letras e nota sem preço.",
        ],
        "step": [
            "O pedido {order} está marcado como presente e chega em {city} até {date2}.",
            "Deixei a observação de surpresa: a transportadora avisa só o seu telefone.",
            "Se o presente não agradar, a troca pode ser feita em até 30 dias por quem recebeu.",
        ],
        "more": [
            ("Quem recebe precisa assinar?",
             "Precisa, sim: qualquer adulto no endereço pode assinar; no caso do seu presente, deixei também {other} como responsável."),
            ("O telefone de quem vai receber é {phone2}.",
             "Usaremos o {phone2} somente no dia da entrega, se o motorista não encontrar o endereço, e depois ele é apagado."),
        ],
    },
    "recall": {
        "ask": [
            "Vi o aviso de recall d{o} {product}. O meu é o SKU {sku}, está na lista?",
            "Recebi carta de recall sobre o suporte d{o} {product}, comprad{o} em {date}.",
            "Tenho criança pequena e {um} {product} do lote {lot}. É seguro?",
            "Como agendo a troca do recall em {city}? Pedido {order}.",
        ],
        "detail": ["Fiquei preocupad{c} com a notícia.", "Já parei de usar.", "A etiqueta está meio apagada."],
        "fact": [
            "No recall, a troca do suporte é gratuita, feita em casa em até 10 dias úteis, e não há prazo final.",
            "A troca do suporte pelo recall não tem custo nem prazo final e é feita em casa em até 10 dias úteis.",
        ],
        "step": [
            "Até a visita, não use {o} {product} e mantenha crianças longe.",
            "O SKU {sku} está na lista, e a visita em {city} ficou para {date2}.",
            "O lote {lot} não foi afetado, mas enviamos um reforço de fixação por precaução.",
        ],
        "more": [
            ("Posso pedir o dinheiro de volta em vez da troca?",
             "Pode: no recall você escolhe entre a troca do suporte e a devolução de {price}, mesmo com o móvel já usado."),
            ("Não tenho mais a nota fiscal.",
             "A nota não é necessária para o recall; basta o número do pedido ou uma foto da etiqueta com o lote."),
        ],
    },
    "opening_hours": {
        "ask": [
            "Qual é o horário da loja de {city} no sábado?",
            "O atendimento por telefone funciona no feriado de {date2}?",
            "Até que horas posso ver {o} {product} na loja de {city}?",
            "Liguei na {weekday} às {hour}h e ninguém atendeu. Qual é o horário?",
        ],
        "detail": ["Vou de ônibus, moro em {city2}.", "Só consigo ir depois do trabalho.", "Quero levar a família."],
        "fact": [
            "O atendimento funciona de segunda a sexta, das 8h às 20h, e aos sábados, das 9h às 15h; as lojas abrem das 10h às 22h.",
            "Nossas lojas abrem das 10h às 22h; o atendimento vai das 8h às 20h em dias úteis e das 9h às 15h no sábado.",
        ],
        "step": [
            "{O} {product} está montad{o} no mostruário de {city}, pode ir conhecer.",
            "No feriado de {date2} só o chat funciona, das 9h às 15h.",
            "Se quiser, agende um horário com um vendedor pelo aplicativo, sem compromisso.",
        ],
        "more": [
            ("A loja tem estacionamento?",
             "A loja de {city} tem estacionamento gratuito nas duas primeiras horas e vaga reservada para carga ao lado da doca."),
            ("Domingo abre?",
             "Aos domingos as lojas abrem das 14h às 20h e o chat fica fechado; as mensagens são respondidas na segunda-feira cedo."),
        ],
    },
    "newsletter": {
        "ask": [
            "Quero parar de receber propaganda no {email}.",
            "Já cliquei em \"descadastrar\" {few} vezes e continuam mandando oferta para {email}.",
            "Tirem o número {phone} da lista de ofertas do WhatsApp.",
            "Recebo e-mail de vocês todo dia e nunca pedi. Meu endereço é {email}.",
        ],
        "detail": ["Só quero os avisos do pedido {order}.", "Isso já virou spam.", "A última foi em {date}."],
        "fact": [
            "O descadastro vale em até 48 horas, e os avisos de pedido continuam chegando normalmente.",
            "Em até 48 horas as ofertas param; só os avisos de pedido continuam.",
        ],
        "step": [
            "Retirei o seu contato de todas as listas de ofertas hoje.",
            "Havia dois cadastros com o mesmo contato, por isso as mensagens voltavam; já unifiquei.",
            "Se chegar algo depois desse prazo, encaminhe para nós que abrimos uma apuração.",
        ],
        "more": [
            ("E as mensagens de SMS?",
             "O SMS entra no mesmo pedido: as promoções param em até 48 horas e fica só o aviso do dia da entrega."),
            ("Posso voltar a receber no futuro?",
             "Pode, quando quiser: basta marcar a opção \"Quero receber ofertas\" no aplicativo e confirmar pelo e-mail."),
        ],
    },
}
