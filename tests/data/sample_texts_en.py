"""English texts of the invented shop "Casa Jatobá" (own text; see make_sample.py for the slots)."""

SYSTEM = [
    "You answer customers of Casa Jatobá. Be kind and give the case number.",
    "Casa Jatobá support: greet the customer by name, explain the rule and give the next step.",
    "You are the virtual assistant of Casa Jatobá, a furniture and home goods shop.",
]

HELLO = ["Hi!", "Hello there.", "Good morning.", "Good afternoon!", "Hey, team.", "Hi again!", "Hello.", "Good evening.", "", ""]

WHO = {
    "My name is {name}.": 5,
    "I'm {name}.": 5,
    "This is {first}.": 5,
    "{first} here, you can call me on {phone}.": 4,
    "This is {name}, CPF {cpf}.": 4,
    "The account is under {name}, email {email}.": 5,
    "Name: {name}\nPhone: {phone}\nEmail: {email}": 3,
    "For your records: {name}, CPF: {cpf}.": 2,
    "I'm {first} and I ordered with {email}.": 4,
    "Thanks, {name}": 5,
    "Best,\n{name}\n{phone}": 3,
    "Regards,\n{first}": 4,
    "My details: {name} / {email} / {phone}.": 2,
    "Account holder: {name} (CPF {cpf}).": 2,
    "Call me {first}; reach me at {email} or {phone}.": 2,
}

OPEN = [
    "Hello, {first}! This is Casa Jatobá.",
    "Hi, {first}, thank you for contacting Casa Jatobá.",
    "Hello, {first}! Thanks for writing to Casa Jatobá.",
]
OPEN_NAMELESS = ["Hello! This is Casa Jatobá.", "Hello! Thanks for writing to Casa Jatobá."]
PROTOCOL = [
    "Your case number is {protocol}.", "Please keep the case number {protocol}.", "This conversation has the case number {protocol}.",
]
AGAIN = ["I see, {first}.", "Thank you, {first}.", "Thanks for the message, {first}.", "{first}, I have checked it."]
AGAIN_NAMELESS = ["I see.", "Thank you.", "I have checked it."]
END_MORE = [
    "For anything else, just quote {protocol}.",
    "Case {protocol} stays open until this is done.",
    "Everything is recorded under {protocol}.",
]
CLOSE = "\n\nCasa Jatobá Team"

MORE = [
    ("Could you send that in writing? My email is {email}.",
     "We have sent a summary of this conversation to {email}; it arrives within 2 hours and lists the deadlines we agreed here."),
    ("If you need to talk to me, my number is {phone}, preferably after {hour}:00.",
     "I have saved {phone}. Our team calls Monday to Friday, 8 am to 8 pm, and tries three times before closing the case."),
    ("{Rel}, {other}, will be at home that day. Is that a problem?",
     "I have listed {other} as an authorised person; on the day, a photo ID is all our crew will ask for."),
    ("I forgot the document: CPF {cpf}. Anything else you need?",
     "The account was confirmed with CPF {cpf} and nothing is missing; the next notice will reach you in the app."),
    ("And if this cannot be solved here, who should I talk to?",
     "You can contact the Casa Jatobá ombudsman, who replies within 3 business days, or call Monday to Friday, 8 am to 8 pm."),
    ("I might buy another item for {price}. Would I pay shipping?",
     "Shipping is free above R$ 299 anywhere in Brazil; below that, the site shows the cost by postcode before you pay."),
    ("Can I pay in instalments if I also take the {product2}?",
     "Yes: up to 12 interest-free instalments by card, with a minimum of R$ 50 each, or 5% off if you pay at once by PIX."),
    ("The order was placed by {rel}, {other}, email {email2}. Does that matter?",
     "In that case we need the holder's approval: a link went to {email2}, and once {other} confirms it we continue as planned."),
    ("I'm travelling on {weekday}. Can someone answer for me? {Rel}, {other}, phone {phone2}.",
     "I have added {other} as a second contact, with the number {phone2}; the team only calls if you cannot be reached first."),
    ("Great, that was all. How long until the app shows it?",
     "The app shows the new status within 2 hours; if nothing changes by then, please sign out and sign in again."),
]

INTENTS = {
    "order_status": {
        "ask": [
            "I placed order {order} on {date} and would like to know when the {product} gets to {city}.",
            "Is there any news about order {order}? Tracking {code} has not moved since {date}.",
            "What is the status of the {product} I bought for {price}, order {order}?",
            "The site says order {order} is \"being picked\" and it has been {days} days. Is that right?",
        ],
        "detail": ["I need to plan my week.", "The doorman has to know in advance.", "It was paid in full on {date}."],
        "fact": [
            "Tracking is updated every day by 8 pm, and delivery to {city} takes up to 12 business days after posting.",
            "After posting, the carrier has up to 12 business days and updates the tracking daily by 8 pm.",
        ],
        "step": [
            "Order {order} has left our distribution centre with the code {code}.",
            "The {product} is on its way and should arrive on {date2}; you get a notice the day before.",
            "I checked order {order}: it is packed, and the carrier collects it on {weekday}.",
        ],
        "more": [
            ("Does the carrier give a time slot?",
             "Deliveries are made between 8 am and 6 pm, and the driver sends a message about 30 minutes before arriving."),
            ("What if nobody is home on {weekday}?",
             "There are up to three attempts on consecutive business days; after that it returns to our depot and we agree a new date."),
        ],
    },
    "late_delivery": {
        "ask": [
            "My {product} was due on {date} and nothing has come. The order is {order}.",
            "Order {order} is {days} days late and nobody tells me anything.",
            "You promised delivery in {city} on {date} and no one showed up, order {order}.",
            "Tracking {code} says \"failed attempt\", but I was at home the whole day.",
        ],
        "detail": ["I have taken two days off for this.", "We are eating on the floor until it comes.", "Please give me a real date."],
        "fact": [
            "When a delivery is late, we confirm a new date within 2 business days and give you a R$ 40 voucher.",
            "Our rule for any delay is a R$ 40 voucher and a new date within 2 business days.",
        ],
        "step": [
            "We are sorry: it was held at the {city} depot, and the new date for the {product} is {date2}.",
            "I have pressed the carrier about order {order} and will follow it until it is delivered.",
            "The parcel of order {order} was found and goes out on {weekday} with priority.",
        ],
        "more": [
            ("How do I use that R$ 40 voucher?",
             "It shows up under \"My credits\" in the app, is valid for 90 days and works on any purchase, with no minimum."),
            ("If it is not here by {date2}, can I give up?",
             "You can: past the new date we cancel at no cost, and {price} goes back in full by the same form of payment."),
        ],
    },
    "return": {
        "ask": [
            "I got the {product} on {date} but it does not suit the room. How do I send it back?",
            "I want to return the {product} from order {order}, it is too big for our flat in {city}.",
            "I regret a purchase of {price} that came {few} days ago. Is it too late to return it?",
            "The {color} finish looks nothing like the photo, I want to return order {order}.",
        ],
        "detail": ["It is still in the box.", "I opened it but never used it.", "I do not want an exchange."],
        "fact": [
            "You have 7 days from receipt to change your mind, and collection from your home is free.",
            "Within 7 days of receipt you may change your mind, and we collect it from your home for free.",
        ],
        "step": [
            "Collection of the {product} in {city} is booked for {date2}; please keep it packed with the invoice.",
            "The pick-up of order {order} is set for {weekday}, between 8 am and 6 pm.",
            "I have sent the return form; stick the label {code} on the box and wait for the courier.",
        ],
        "more": [
            ("I threw the original box away, what now?",
             "That is fine: our courier brings a blanket and wraps the item on the spot, as long as it shows no signs of use."),
            ("When do I get my money back?",
             "Once the item is checked, within 3 business days, we ask for the refund: by card it shows within 2 statements."),
        ],
    },
    "damaged_piece": {
        "ask": [
            "My {product} came with a broken {part}. I paid {price}, order {order}.",
            "I opened the {product} box today and the {part} is chipped, what can be done?",
            "It was delivered in {city} on {date} and only now I saw a crack in the {part}.",
            "Order {order} arrived dented and the {product} is scratched all along the left side.",
        ],
        "detail": ["I can send photos right away.", "The packaging was already torn.", "I signed without looking, I admit."],
        "fact": [
            "Damaged parts are replaced at no cost, and the new one arrives within 10 business days.",
            "We replace damaged parts for free, and it takes up to 10 business days for the new one to arrive.",
        ],
        "step": [
            "Send up to three photos of the {part} and the box label here and I will release the part.",
            "I have ordered the new part for the {product}; you may discard the faulty one.",
            "The {part} of SKU {sku} is set aside and should be in {city} on {date2}.",
        ],
        "more": [
            ("Could you replace the whole thing instead?",
             "If more than one part is damaged we replace the complete item; the team looks at the photos and answers in 2 business days."),
            ("Who will fit the new part?",
             "Our assembler fits it free of charge, within 5 business days after the part reaches your address."),
        ],
    },
    "missing_screws": {
        "ask": [
            "There are {few} screws missing from the {product}, SKU {sku}, and I cannot finish it.",
            "The hardware bag of the {product} was incomplete, order {order}.",
            "I am putting the {product} together and there is no allen key and no dowels.",
            "I counted twice and {few} hinges are missing from the kit of order {order}.",
        ],
        "detail": ["The manual says {n} pieces of type B.", "It is all over the living room floor.", "I looked everywhere in the box."],
        "fact": [
            "A hardware kit is sent at no cost and arrives within 4 business days.",
            "We send a new hardware kit for free, within 4 business days.",
        ],
        "step": [
            "The full kit for the {product} leaves for {city} today with the code {code}.",
            "I noted what was missing from order {order} and added some spare pieces.",
            "For your safety, do not use the {product} before every screw of step {few} is tight.",
        ],
        "more": [
            ("May I buy ordinary screws at a hardware store?",
             "It is better to wait: our hardware has its own size, and using other pieces may affect the 24-month warranty."),
            ("Is there a PDF manual? Mine is torn.",
             "There is: type SKU {sku} in the app, under \"Manuals\", and download the steps together with the assembly video."),
        ],
    },
    "change_address": {
        "ask": [
            "I need to change the address of order {order}: we left {city} and now live in {city2}.",
            "I typed the wrong house number in order {order}, can it be fixed?",
            "I am moving to {city2} on {date}. Can the {product} go to the new place?",
            "Order {order} still has my old address in {city}. How do I change it?",
        ],
        "detail": ["The new address is saved in the app.", "Nobody will be there to receive it.", "My mistake, sorry."],
        "fact": [
            "The address can be changed up to 24 hours before dispatch, free of charge within the same state.",
            "Up to 24 hours before dispatch we change the address for free within the same state.",
        ],
        "step": [
            "Order {order} has not been dispatched and now points to {city2}.",
            "I set the destination to the main address of your account; the new date is {date2}.",
            "As it moves from {city} to {city2}, the delivery takes {few} more business days.",
        ],
        "more": [
            ("The new building only takes deliveries in the morning.",
             "I added the note \"mornings only\" for the carrier; they try to follow it, but the official window is 8 am to 6 pm."),
            ("Will the shipping cost change?",
             "No: above R$ 299 shipping is free, and a change made before dispatch is never charged."),
        ],
    },
    "invoice": {
        "ask": [
            "I never got the invoice of order {order}. Could you send it to {email}?",
            "The invoice of the {product} came without my tax number. It should be CPF {cpf}.",
            "I need the invoice of order {order} issued to CNPJ {cnpj}, for our accountant.",
            "The invoice key {nfe} does not open. Can you resend the one for {price}?",
        ],
        "detail": ["It is for a company refund.", "The insurance asks for it.", "I have looked in the spam folder."],
        "fact": [
            "The electronic invoice is emailed within 24 hours of billing and stays in the app for 5 years.",
            "We email the electronic invoice within 24 hours of billing, and the app keeps it for 5 years.",
        ],
        "step": [
            "I have just resent the file of order {order}, as PDF and XML.",
            "Look under \"My orders\", button \"Invoice\": the document of {date} is already there.",
            "I asked the tax team for a correction letter, which takes up to 2 business days.",
        ],
        "more": [
            ("Can it be put in the name of {other}, CPF {cpf2}?",
             "Once issued, the invoice keeps its holder; {other} may receive the goods, but the document stays in your name."),
            ("Is the XML enough for the accountant?",
             "It is: the XML is the official document and the PDF is only for printing; both come in the same message."),
        ],
    },
    "refund": {
        "ask": [
            "I sent the {product} back on {date} and the refund of {price} is not there.",
            "Where is my refund for order {order}? It has been {days} days.",
            "Card {card} still does not show the refund of {price} for order {order}.",
            "Order {order} was cancelled and I keep paying the instalments.",
        ],
        "detail": ["My statement closes on {weekday}.", "The bank says you sent nothing.", "I just want a date."],
        "fact": [
            "By card, the refund shows within 2 statements; by PIX, it takes up to 3 business days.",
            "Refunds take up to 2 statements by card and up to 3 business days when you paid by PIX.",
        ],
        "step": [
            "The refund request of {price} went to the card company on {date2}.",
            "The {product} passed the check and I released the full amount, shipping included.",
            "I attached a refund letter to order {order}, which you can show to the bank.",
        ],
        "more": [
            ("Can I have it by PIX? My key is my email, {email}.",
             "For safety the money returns by the same form of payment; the key {email} only works for purchases made by PIX."),
            ("What about the instalments I already paid?",
             "The card company returns the total at once as credit, even if the purchase was split into 12 interest-free instalments."),
        ],
    },
    "pix": {
        "ask": [
            "I paid {price} by PIX on {date} and order {order} is still \"waiting for payment\".",
            "The PIX code expired before I paid for the {product}. What do I do?",
            "I paid order {order} twice by PIX by accident, two times {price}.",
            "How much off do I get on the {product} if I pay by PIX?",
        ],
        "detail": ["I have the receipt here.", "The bank confirmed it at once.", "I do not want to lose today's price."],
        "fact": [
            "The PIX code is valid for 30 minutes, gives 5% off and is confirmed within 1 hour.",
            "By PIX you get 5% off; the code expires in 30 minutes and the payment is confirmed within 1 hour.",
        ],
        "step": [
            "I found the payment of {price} and order {order} is approved.",
            "I made a new code at the same price; it is under \"My orders\" in the app.",
            "When something is paid twice, the second amount goes back by itself within 3 business days.",
        ],
        "more": [
            ("The account belongs to {rel}, {other}, CPF {cpf2}. Is that a problem?",
             "Not at all: others may pay by PIX for you, but a refund would go back to the account of {other}, who paid."),
            ("May I pay half by PIX and half by card?",
             "Not yet: each order takes one form of payment; to split it, the card offers up to 12 interest-free instalments."),
        ],
    },
    "boleto": {
        "ask": [
            "My boleto of {price} expired on {date} before I could pay. Can I have another?",
            "I paid the boleto of order {order} on {weekday} and it is still not approved.",
            "My bank rejects the bar code of the boleto for the {product}.",
            "I lost the boleto of order {order}, please send it again to {email}.",
        ],
        "detail": ["I paid it at a lottery shop in {city}.", "I do not use cards.", "I was offline for some days."],
        "fact": [
            "A boleto is valid for 3 business days and takes up to 2 business days to clear.",
            "Each boleto lasts 3 business days, and the bank needs up to 2 business days to clear it.",
        ],
        "step": [
            "I issued a second copy of {price} due on {date2}, with no interest.",
            "Order {order} stays reserved until then; there is no need to buy again.",
            "If the bank rejects the bar code, copy the number line at the top of the boleto.",
        ],
        "more": [
            ("Can a boleto be split?",
             "A boleto is always paid at once; to split the purchase we use cards, in up to 12 interest-free instalments."),
            ("How long until you pack the {product}?",
             "After it clears, packing takes 1 business day and you get the tracking code on the day it is posted."),
        ],
    },
    "card_declined": {
        "ask": [
            "My card {card} was declined for {price}, and there is plenty of limit.",
            "I tried to pay for the {product} in 12 instalments and got \"not authorised\". The card is {card}.",
            "Your site refuses card {card}, expiry {expiry}, since {date}.",
            "A payment of {price} was refused three times, order {order}. Am I blocked?",
        ],
        "detail": ["The bank says all is well.", "I use that card everywhere.", "Stock is running out, I am in a hurry."],
        "fact": [
            "After three refusals the system blocks new attempts for 24 hours, and the {product} stays reserved for you.",
            "The block after three refusals lasts 24 hours, and the {product} stays reserved in the meantime.",
        ],
        "step": [
            "For safety, never send a card number by chat; I have deleted it from this case.",
            "Ask your bank to allow an on-line purchase of {price} and try again in the app.",
            "If you like, switch to PIX, with 5% off, without losing order {order}.",
        ],
        "more": [
            ("May I use the card of {rel}, {other}? It is {card2}.",
             "You may, as long as {other} pays through the secure link; we never write down card numbers and have deleted it here."),
            ("Do you take two cards for one order?",
             "We take up to two cards an order, each in up to 12 interest-free instalments, with at least R$ 50 an instalment."),
        ],
    },
    "warranty": {
        "ask": [
            "The {part} of the {product} I bought on {date} is loose. Is it under warranty?",
            "How long is the warranty of the {product}? The {part} is swelling.",
            "I bought the {product} {days} months ago, order {order}, and the {part} is bent.",
            "The {color} finish is peeling after {few} months.",
        ],
        "detail": ["It had normal use only.", "I kept the invoice.", "I only clean it with a dry cloth."],
        "fact": [
            "The Casa Jatobá warranty is 24 months for frame and hardware, counted from delivery.",
            "Frame and hardware have a 24-month warranty, counted from delivery.",
        ],
        "step": [
            "Send two photos of the {part} and the invoice number; the check takes up to 3 business days.",
            "I booked a free technical visit in {city} for {date2}.",
            "Order {order} is within the period and I opened a repair request at no cost.",
        ],
        "more": [
            ("Does it cover water stains?",
             "Stains by liquids and sunlight are not covered, but we sell a retouch kit in {color} at cost price."),
            ("And if the repair does not help?",
             "If the same fault returns within 30 days of the repair, you choose between a new item and your money back."),
        ],
    },
    "assembly": {
        "ask": [
            "I bought the {product} with assembly and nobody called to book it. Order {order}.",
            "How do I book assembly of the {product} in {city}?",
            "The assembler did not show up on {date}, I waited for nothing.",
            "Is assembly of the {product} charged separately?",
        ],
        "detail": ["I work away, so only afternoons.", "The building asks for the assembler's name.", "I own no tools at all."],
        "fact": [
            "Assembly is free and takes place within 5 business days after delivery.",
            "We assemble at no cost within 5 business days, counted from delivery.",
        ],
        "step": [
            "The free slot in {city} is {weekday}, {date2}, from 1 pm to 5 pm; I reserved it for you.",
            "The {product} will be assembled by {other}, from our crew, with badge and uniform.",
            "Please leave one metre of space around and check that all boxes of order {order} are there.",
        ],
        "more": [
            ("Will they drill the wall as well?",
             "Yes, fixing to the wall is included, as long as you confirm that no pipes or wires run at that spot."),
            ("I have to move it, {weekday} does not work.",
             "It is moved to {date2}, same time of day; changes up to the day before cost nothing and keep your priority."),
        ],
    },
    "cancel": {
        "ask": [
            "I want to cancel order {order}, I picked the wrong {product}.",
            "Please cancel the purchase of {price} made on {date}.",
            "I found the {product} cheaper in {city}, can {order} still be cancelled?",
            "I ordered twice by accident. Cancel only {order}.",
        ],
        "detail": ["It has not shipped yet.", "My wife bought the same one.", "Our plans for the flat changed."],
        "fact": [
            "Cancelling is immediate and free before billing; after that, the 7 days to change your mind apply.",
            "Before billing we cancel at once, for free; later, you have 7 days from receipt to change your mind.",
        ],
        "step": [
            "Order {order} had no invoice yet and is now cancelled.",
            "As the {product} is already billed, just refuse the delivery and it is cancelled by itself.",
            "The {price} goes back within 2 statements by card or within 3 business days by PIX.",
        ],
        "more": [
            ("Do I get a proof of cancellation?",
             "Yes, it is emailed within 2 hours and also stays in the app under \"Cancelled orders\"."),
            ("I changed my mind, can you undo it?",
             "A cancellation cannot be undone, but I reserved the {product} at the same price for 24 hours for a new purchase."),
        ],
    },
    "coupon": {
        "ask": [
            "Coupon {coupon} does not work for the {product}.",
            "You emailed me the coupon {coupon}, but the site says \"invalid\".",
            "I forgot to use coupon {coupon} in order {order}. Can you apply it now?",
            "Can I add coupon {coupon} to the PIX discount? It is a purchase of {price}.",
        ],
        "detail": ["It was a birthday gift.", "The email says valid until {date2}.", "I tried on my phone and laptop."],
        "fact": [
            "A coupon works from R$ 199, one an order, and cannot be added to the PIX discount.",
            "Each order takes one coupon, from R$ 199, and it does not add up with the 5% of PIX.",
        ],
        "step": [
            "I renewed {coupon} in your account until {date2}; type it in capitals, without spaces.",
            "The difference for order {order} is now credit for your next purchase.",
            "That code is for first purchases, so I added another one, JATOBA15, to your account.",
        ],
        "more": [
            ("Does it work on sale items?",
             "It works on items with up to 30% off; above that, the system keeps the sale price only."),
            ("May I give the coupon to {rel}, {other}?",
             "A coupon is tied to one account, but {other} gets another one by signing up in the app with your invitation."),
        ],
    },
    "account_access": {
        "ask": [
            "I cannot sign in to {email}, it says wrong password.",
            "I got an alert of a sign-in from IP {ip}, and that was not me!",
            "The password link never arrives at {email}.",
            "My account was locked on {date}, the notice shows IP {ip}.",
        ],
        "detail": ["I use version 4.12.3 of the app.", "I tried five times.", "I have an open order, {order}."],
        "fact": [
            "After 5 attempts the account is locked for safety, and the new password link lasts 30 minutes.",
            "The lock comes after 5 attempts; the link to set a new password lasts 30 minutes.",
        ],
        "step": [
            "I sent a new link to the email of your account; please look in the spam folder too.",
            "I closed all open sessions and turned on the text message check.",
            "Nothing was bought during that sign-in, and order {order} goes on as normal.",
        ],
        "more": [
            ("Can you tell where it came from? I also see {ip2}.",
             "We have blocked {ip2} and the security team is reading the logs; the answer comes within 3 business days."),
            ("I have a new email, {email2}.",
             "For your safety, confirm the change by the link I sent to {email2}; only then is the old one removed."),
        ],
    },
    "privacy": {
        "ask": [
            "Under the LGPD, I want to know which data you hold about me. Email {email}, CPF {cpf}.",
            "Please delete all my data from the account {email}.",
            "Did you give my phone {phone} to another company? I want an explanation.",
            "I want to correct my data: the phone is {phone} and the email is {email}.",
        ],
        "detail": ["It is my right by law.", "A lender called me today.", "I no longer shop with you."],
        "fact": [
            "Under the LGPD, our data protection officer answers within 15 days, at no cost to you.",
            "The data protection officer of Casa Jatobá answers within 15 days, for free, as the LGPD says.",
        ],
        "step": [
            "I recorded the request, and we will confirm your identity in the app before going on.",
            "Invoices are kept for 5 years by law; the rest is erased.",
            "We sell no data: only the carrier gets the name and address for the delivery.",
        ],
        "more": [
            ("I also withdraw my consent to marketing.",
             "Consent withdrawn; marketing stops within 48 hours and only notices about your orders go on."),
            ("My data shows an access from IP {ip}. What is it?",
             "The entry {ip} is a visit to our site, kept for 6 months as Brazilian internet law asks, and then erased."),
        ],
    },
    "stock": {
        "ask": [
            "When will the {product} be back in {color}?",
            "The {product} is sold out. When will {city} have it again?",
            "I want the {product} in {color}, SKU {sku}, and the site only offers \"notify me\".",
            "I need {few} of the {product} and the site only lets me take one.",
        ],
        "detail": ["It is the only one that suits our room.", "I have been waiting since {date}.", "A display item is fine too."],
        "fact": [
            "Site stock is renewed every Tuesday, and \"Notify me\" holds your place for 24 hours.",
            "We restock on Tuesdays; those who use \"Notify me\" have 24 hours of priority.",
        ],
        "step": [
            "The {product} in {color} reaches the depot on {date2}.",
            "I added your contact to the waiting list of SKU {sku}.",
            "Right now the {city} shop has {few} of them, for pickup on the same day.",
        ],
        "more": [
            ("Will it still cost {price}?",
             "If you are on the waiting list, we hold {price} for 24 hours from the notice of arrival."),
            ("Is there another colour?",
             "We have it in {color2} and {color}; both cost the same and can be seen at home with the camera of the app."),
        ],
    },
    "measurements": {
        "ask": [
            "What is the size of the assembled {product}? My space is {size}.",
            "Does the {product} fit through a {cm} cm door? I live in {city}.",
            "The site says the {product} is {size}, but the manual says something else.",
            "What does the {product}, SKU {sku}, weigh and how much can it hold?",
        ],
        "detail": ["The lift is small.", "There is a high skirting board.", "I want to get it right."],
        "fact": [
            "Sizes are in the data sheet, and we advise leaving 10 cm free on each side.",
            "We advise leaving 10 cm free on each side; the data sheet has every size.",
        ],
        "step": [
            "The assembled {product} is {size2} and weighs {kg} kg.",
            "The largest box of SKU {sku} is {cm2} cm wide, so it fits through common doors.",
            "The old manual had a misprint; the site is right: {size}.",
        ],
        "more": [
            ("If it does not fit, may I return it?",
             "You may: there are 7 days from receipt to change your mind, with free collection, if it has no marks of use."),
            ("Do you make things to measure?",
             "Not yet, but the modular line lets you join 40 cm units up to {size}."),
        ],
    },
    "complaint": {
        "ask": [
            "This is the third time I complain about order {order} and nothing happens.",
            "I was treated very badly at the {city} shop on {date}.",
            "The driver left the {product} on the pavement and went away, it is absurd.",
            "I was promised a call about case {protocol2} and it never came.",
        ],
        "detail": ["I will go to the consumer office.", "I have been a customer for {few} years.", "I want to talk to someone in charge."],
        "fact": [
            "The ombudsman looks at every complaint and replies in writing within 3 business days.",
            "Every complaint goes to the ombudsman, who replies in writing within 3 business days.",
        ],
        "step": [
            "I apologise for what happened in {city}; your report was passed on with priority.",
            "Our coordinator {other} took the case and will contact you by {date2}.",
            "I went through order {order} and added a R$ 40 voucher for the trouble.",
        ],
        "more": [
            ("I want a call on {phone}, not an email.",
             "The ombudsman will call {phone} in office hours; if you cannot answer, there are two more tries on the next day."),
            ("I hope it works this time.",
             "We want that too: if the date is missed, the case goes straight to the manager without a new complaint from you."),
        ],
    },
    "wholesale": {
        "ask": [
            "We run a guest house in {city} and want {n} of the {product}. CNPJ {cnpj}.",
            "Do you sell to companies? Our CNPJ is {cnpj} and we need {n} pieces.",
            "A quote for our office, please. CNPJ: {cnpj}, contact {email}.",
            "I am an architect and would like to resell the {product} line in {city}.",
        ],
        "detail": ["The budget is {price} each.", "We need it all by {date2}.", "Can we pay in 28 days?"],
        "fact": [
            "For companies, from 10 units there is 8% off and the quote takes up to 2 business days.",
            "From 10 units companies get 8% off, and the quote is ready within 2 business days.",
        ],
        "step": [
            "Your proposal of {n} pieces for {city} is with the business team.",
            "The company account is open; only the articles of association are missing in the app.",
            "Our consultant {other} takes care of your account and will contact you by {date2}.",
        ],
        "more": [
            ("Is a state registration required?",
             "Only for resale: if you buy for your own use, state \"exempt\" and the invoice goes to the CNPJ as usual."),
            ("Could the quote go to {email2}, attention {other}?",
             "It could: the proposal goes to {email2}, in the name of {other}, and is valid for 10 days."),
        ],
    },
    "pickup": {
        "ask": [
            "Can I pick up the {product} at the {city} shop? The order is {order}.",
            "{Rel}, {other}, will pick up order {order}. What is needed?",
            "How long does the {city} pickup point keep order {order}?",
            "I went to the pickup point on {date} and it was closed.",
        ],
        "detail": ["I have a large car.", "I work near the shop.", "It beats waiting at home."],
        "fact": [
            "Pickup points keep an order for 10 days and ask for a photo ID and the order number.",
            "Bring a photo ID and the order number; pickup points keep the order for 10 days.",
        ],
        "step": [
            "Order {order} is ready in {city}, Monday to Saturday, 10 am to 8 pm.",
            "I authorised someone else to collect it, who must also bring a copy of your ID.",
            "The {product} will be ready on {date2}, and you get a message with the pickup code.",
        ],
        "more": [
            ("How many boxes? My car is small.",
             "There are {few} boxes, the largest {cm} cm; if they do not fit, we switch to delivery, free above R$ 299."),
            ("Can I use the {city2} point instead?",
             "It is moved to {city2}; the transfer takes {few} business days and the 10 days start again on arrival."),
        ],
    },
    "gift": {
        "ask": [
            "I want to give the {product} to {rel}, {other}, who lives in {city}.",
            "Can order {order} go without the price? It is a gift for {other}.",
            "Do you gift-wrap the {product}? The wedding is on {date2}.",
            "Please write \"With love, {first}\" on the card and deliver it to {other}.",
        ],
        "detail": ["It is a surprise, do not call first.", "The wedding is this month.", "Charge it to the same card."],
        "fact": [
            "Gift wrapping is R$ 19.90, the invoice shows no price, and a card of up to 200 letters is included.",
            "For R$ 19.90 we send gift wrapping, a card of up to 200 letters and an invoice without price.",
        ],
        "step": [
            "Order {order} is marked as a gift and arrives in {city} by {date2}.",
            "I noted that it is a surprise: the carrier only writes to your own phone.",
            "If it does not please, the person who got it can exchange it within 30 days.",
        ],
        "more": [
            ("Does someone have to sign?",
             "Yes, any adult at the address may sign; for this gift I listed {other} as the person in charge too."),
            ("The phone of the person is {phone2}.",
             "We will use {phone2} on the delivery day only, if the driver cannot find the address, and then erase it."),
        ],
    },
    "recall": {
        "ask": [
            "I saw the recall of the {product}. Mine is SKU {sku}, is it on the list?",
            "I got a recall letter about the bracket of the {product} bought on {date}.",
            "I have a small child and the {product} of lot {lot}. Is it safe?",
            "How do I book the recall visit in {city}? Order {order}.",
        ],
        "detail": ["The news worried me.", "I have stopped using it.", "The label is partly worn off."],
        "fact": [
            "In a recall the bracket is replaced for free at your home within 10 business days, with no final date.",
            "The recall replaces the bracket for free, with no final date, at your home within 10 business days.",
        ],
        "step": [
            "Until the visit, do not use the {product} and keep children away.",
            "SKU {sku} is on the list, and the visit in {city} is set for {date2}.",
            "Lot {lot} is not affected, but we are sending an extra wall fixing to be safe.",
        ],
        "more": [
            ("Could I have my money back instead?",
             "You could: in a recall you choose between the new bracket and a refund of {price}, even if the item was used."),
            ("I no longer have the invoice.",
             "It is not needed for a recall; the order number or a photo of the label with the lot is enough."),
        ],
    },
    "opening_hours": {
        "ask": [
            "When is the {city} shop open on Saturday?",
            "Does phone support work on the holiday of {date2}?",
            "Until what time can I see the {product} at the {city} shop?",
            "I called on {weekday} at {hour}:00 and nobody answered. What are your hours?",
        ],
        "detail": ["I come by bus from {city2}.", "I can only go after work.", "I would bring the family."],
        "fact": [
            "Support is open Monday to Friday, 8 am to 8 pm, and Saturday, 9 am to 3 pm; shops open from 10 am to 10 pm.",
            "Shops open from 10 am to 10 pm; support works 8 am to 8 pm on weekdays and 9 am to 3 pm on Saturday.",
        ],
        "step": [
            "The {product} is on display in {city}, do come and see it.",
            "On the holiday of {date2} only chat is open, from 9 am to 3 pm.",
            "If you like, book a time with a salesperson in the app, without obligation.",
        ],
        "more": [
            ("Is there parking?",
             "The {city} shop has free parking for the first two hours and a loading bay next to the dock."),
            ("Are you open on Sunday?",
             "On Sunday shops open from 2 pm to 8 pm and chat is closed; messages are answered early on Monday."),
        ],
    },
    "newsletter": {
        "ask": [
            "I want to stop getting marketing at {email}.",
            "I clicked \"unsubscribe\" {few} times and offers keep coming to {email}.",
            "Take the number {phone} off your offers list.",
            "You write to me every day and I never asked for it. My address is {email}.",
        ],
        "detail": ["I only want notices of order {order}.", "It has become spam.", "The last one was on {date}."],
        "fact": [
            "Opting out takes up to 48 hours, and order notices go on as usual.",
            "Within 48 hours the offers stop; only order notices go on.",
        ],
        "step": [
            "I removed your contact from every offers list today.",
            "There were two accounts with the same contact, so offers kept coming; they are now one.",
            "If anything arrives after that, forward it to us and we will look into it.",
        ],
        "more": [
            ("What about text messages?",
             "They are part of the same request: offers stop within 48 hours and only the delivery day notice stays."),
            ("Can I sign up again later?",
             "Any time: tick \"I want offers\" in the app and confirm it by email."),
        ],
    },
}
