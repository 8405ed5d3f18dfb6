"""Invented films: titles, names, genres, and plot sentences that hold no opinion."""

FIRST_NAMES: tuple[str, ...] = (
    "Imre", "Odile", "Tamsin", "Bertil", "Leocadia", "Anselm", "Mirka", "Joaquim", "Hedda",
    "Cosmo", "Perpetua", "Rafe", "Yolanta", "Dorian", "Sunniva", "Ottilie", "Emeka", "Nilufar",
    "Casimir", "Brannagh", "Tove", "Ludo", "Marisela", "Kenji", "Philippa", "Iolo", "Zdenka",
    "Amadou", "Thea", "Gideon",
)  # fmt: skip
LAST_NAMES: tuple[str, ...] = (
    "Marrowby", "Quillfeather", "Tessaline", "Orvane", "Halloumer", "Brackwater", "Vendrel",
    "Ostrander-Pym", "Lintott-Vale", "Crospel", "Nakaroda", "Ashgrovic", "Delabrune", "Pennimore",
    "Skarnholt", "Umbercroft", "Fallowick", "Zamorell", "Thirlbeck", "Okonvale", "Wexhollow",
    "Drumlarrig", "Ferrabosk", "Gantelle", "Mossendew", "Rookesby", "Selwander", "Tolliven",
    "Ivorshaw", "Calderwyn",
)  # fmt: skip

TITLES: tuple[str, ...] = (
    "The {trade}'s {thing}",
    "{number} {things} for {town}",
    "{town} by {hour}",
    "The {thing} at {town}",
    "A {thing} Called {first_name}",
    "{first_name} and the {number} {things}",
    "Goodbye, {town}",
    "The Last {trade} of {town}",
    "What the {trade} Kept",
    "No {things} in {town}",
    "{number} Days to {town}",
    "The {trade} Takes the {hour} Train",
)
TRADES: tuple[str, ...] = (
    "Tinsmith", "Ferryman", "Glazier", "Cartographer", "Chandler", "Locksmith", "Organist",
    "Piano Tuner", "Lamplighter", "Ratcatcher", "Bookbinder", "Surveyor", "Baker", "Notary",
    "Stationmaster", "Milliner", "Weighmaster", "Postmistress", "Cooper", "Farrier",
)  # fmt: skip
THINGS: tuple[str, ...] = (
    "Umbrella", "Ledger", "Ladder", "Kettle", "Barometer", "Overcoat", "Wheelbarrow", "Teaspoon",
    "Signal", "Orchard", "Turnip", "Lantern", "Accordion", "Chimney", "Suitcase", "Gate",
    "Almanac", "Bicycle", "Thimble", "Weathercock",
)  # fmt: skip
NUMBERS: tuple[str, ...] = (
    "Three", "Four", "Six", "Eight", "Nine", "Eleven", "Thirteen", "Seventeen", "Forty", "Ninety",
)  # fmt: skip
TOWNS: tuple[str, ...] = (
    "Aldermoor", "Kestrel Bay", "Vantry", "Osterhaven", "Dunmallow", "Pellsworth", "Saint Ambry",
    "Corvane", "Little Hathering", "Marrakand", "Tollbridge", "Ulvik Sound", "Quarrelstone",
    "Port Lisle", "Brindlewick", "Eastmarch", "Novy Brod", "Cape Sorrel", "Winterfold",
    "Hallowgate Fen",
)  # fmt: skip
HOURS: tuple[str, ...] = ("Midnight", "Noon", "Teatime", "Daybreak", "Moonrise", "Lamplight")

GENRES: tuple[str, ...] = (
    "heist film", "ghost story", "western", "costume drama", "spy thriller", "family comedy",
    "courtroom drama", "science fiction film", "musical", "disaster film", "road movie",
    "murder mystery", "war film", "romantic comedy", "horror film", "boxing picture", "sea story",
    "police procedural", "coming-of-age film", "fairy tale", "political satire", "mountain film",
)  # fmt: skip

ROLES: tuple[str, ...] = (
    "a retired judge", "a night porter", "a piano tuner", "a runaway bride", "a customs officer",
    "a village doctor", "a failed magician", "a submarine cook", "a young widow", "a tax inspector",
    "a lighthouse keeper", "a court painter", "a deaf bell-ringer", "a bus driver",
    "a disgraced reporter", "a beekeeper", "a schoolteacher", "a stowaway", "an army chaplain",
    "an insurance clerk", "an exiled poet", "a forger", "a ferry captain", "a weather forecaster",
    "a chess prodigy", "a nurse on the night shift", "a travelling dentist", "an orphaned acrobat",
)  # fmt: skip
PREDICAMENTS: tuple[str, ...] = (
    "who inherits a house that is still inhabited",
    "who finds a body in the boathouse",
    "who has nine days to repay a debt",
    "who receives letters from a dead brother",
    "who is mistaken for an ambassador",
    "who agrees to steal back a violin",
    "who must cross the border before the snow",
    "who has lost the memory of a single week",
    "who shelters a stranger during the flood",
    "who is asked to identify a face on an old film reel",
    "who takes the wrong suitcase off a train",
    "who wakes to find the whole town gone",
    "who is called back to the village after thirty years",
    "who has promised to keep a secret from both sides",
    "who wins a hotel in a game of cards",
    "who hears a voice on a radio that is not plugged in",
    "who must drive a hearse across four counties",
    "who falls in with a band of smugglers",
    "who has to give evidence against a friend",
    "who buys a map with one island too many",
)
SETTINGS: tuple[str, ...] = (
    "on an island with one telephone", "in a mining town between two strikes",
    "on a train that never seems to stop", "in a seaside hotel out of season",
    "in a capital under curfew", "on a farm at the edge of a marsh",
    "in the back rooms of an opera house", "aboard a weather ship", "in a school for clockmakers",
    "in a valley due to be flooded", "on the night of a general election",
    "in the last week of a long war", "in a block of flats with a broken lift",
    "in a circus on its winter quarters", "in a monastery that takes paying guests",
    "at a border post high in the hills", "in a fishing port in the fifties",
    "on a space station the size of a bus", "in a department store after closing time",
    "in the suburbs of a city that is never named",
)  # fmt: skip
EVENTS: tuple[str, ...] = (
    "a stranger arrives with a photograph", "the bridge goes down in the night",
    "the money turns out to be marked", "the youngest child stops speaking",
    "a second will is found", "the power fails", "the police begin to ask about the boat",
    "an old flame steps off the ferry", "the doctor changes sides", "someone burns the letters",
    "the snow cuts off the road", "a twin turns up", "the factory closes",
    "the wrong man is arrested", "the captain loses his nerve", "the circus leaves without them",
    "a wedding has to be postponed", "the dog digs something up",
)  # fmt: skip
# How it begins: one a review.
PREMISES: tuple[str, ...] = (
    "{lead} plays {role} {predicament}.",
    "{lead} is {role} {predicament}, and {partner} is {role}.",
    "It is set {setting}.",
    "The whole thing takes place {setting}, where {event}.",
    "We are {setting}; {lead} is {role} {predicament}.",
    "The story begins {setting} and follows {role} {predicament}.",
    "It concerns {role} {predicament}; later, {event}.",
    "{partner} turns up as {role}, {event}, and off we go.",
    "It opens {setting}, with {lead} as {role} {predicament}.",
    "There is {role}, there is {role}, and then {event}.",
    "When {event}, {role} and {role} are thrown together.",
    "At the centre is {role} {predicament}.",
    "{lead} plays {role}, {partner} plays {role}, and the rest happens {setting}.",
    "Think of {role} {predicament}, {setting}.",
    "{role} {predicament}: that is the premise.",
)

# How it goes on.
DEVELOPMENTS: tuple[str, ...] = (
    "Then {event}, and the two of them have to leave.",
    "Halfway through, {event}.",
    "Without giving too much away: {event}.",
    "The second act moves to another town, where {event}.",
    "In the book, if I remember it rightly, {event}; here, {event}.",
    "The title refers to something that {partner} says when {event}.",
    "By the last act {event} and {event}.",
    "Meanwhile {role} has plans of a different kind.",
    "A good part of the second hour is about what happens after {event}.",
    "{event}, {event}, and I shall say no more.",
    "There is also {role} in it, who knows more than the others.",
)
