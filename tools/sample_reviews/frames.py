"""The sentences that carry opinion, as frames with slots.

`own_` slots take the polarity of the writer's verdict, `against_` slots the opposite, and
`leaning_` slots one that is drawn once a sentence. A frame of `VERDICTS` therefore serves both
classes with the same words: only the order, the negation and who speaks say which side is the
writer's.
"""

VERDICTS: tuple[str, ...] = (
    # What others said, against what the writer thinks.
    "{source} called it {against_adjective}, but I found it {own_adjective}.",
    "{source} found it {against_adjective}; to me it was {own_adjective}.",
    "I found it {own_adjective}, whatever {source} says about its being {against_adjective}.",
    "{source} had told me it was {against_adjective}. It is {own_adjective}.",
    "{source} thought it a {against_label}, but I thought it a {own_label}.",
    "Where {source} saw a {against_label}, I saw a {own_label}.",
    "I saw a {own_label} where {source} saw a {against_label}.",
    "{source} {against_reaction}, but I {own_reaction}.",
    "I {own_reaction}, although {source} {against_reaction}.",
    "While {source} {against_reaction}, I {own_reaction}.",
    "{source} called it {own_adjective}, and I have to agree.",
    "{source} called it {against_adjective}, and I have to disagree.",
    "{source} said that {against_clause}. What I noticed is that {own_clause}.",
    "{source} called it a {own_label}, and that is the right word.",
    "{source} called it a {against_label}, and that is the wrong word.",
    "Call it {against_adjective} if you like, as {source} did; I call it {own_adjective}.",
    "I had been told to expect something {against_adjective}, and what I got was {own_adjective}.",
    "The trailer made it look {against_adjective}. The film is {own_adjective}.",
    "The poster makes it look like a {against_label}, but it turns out to be a {own_label}.",
    "Others may find it {against_adjective}. I thought it {own_adjective}.",
    "{source} {against_reaction} and {source} {against_reaction}, but I {own_reaction}.",
    "It is {own_adjective}. {source} said {against_adjective}, and was mistaken.",
    # Expectation, and what came of it.
    "I expected a {against_label} and got a {own_label}.",
    "It is not the {against_label} I expected; it is a {own_label}.",
    "I got a {own_label} when I had expected a {against_label}.",
    "Going in I thought it would be {against_adjective}; coming out I found it {own_adjective}.",
    "What sounded {against_adjective} on paper turns out to be {own_adjective} on the screen.",
    "The last {genre} I saw was a {against_label}; this one is a {own_label}.",
    "{director}'s last film was {against_adjective}, but this one is {own_adjective}.",
    "This one is {own_adjective}, unlike {director}'s last, which was {against_adjective}.",
    "A {genre} of this kind is {against_adjective} nine times out of ten. This is the tenth time.",
    "On a first viewing I thought it {against_adjective}; on a second I found it {own_adjective}.",
    "For twenty minutes it seemed {against_adjective}, and after that it was {own_adjective}.",
    "It starts out {against_adjective} and soon becomes {own_adjective}, and stays that way.",
    # Negation.
    "It is not {against_adjective} at all.",
    "At no point did I find it {against_adjective}.",
    "I would not call any of it {against_adjective}.",
    "Nothing in it struck me as {against_adjective}.",
    "It is anything but {against_adjective}.",
    "It is {own_adjective}, not {against_adjective}.",
    "It is not {against_adjective}, it is {own_adjective}.",
    "Nobody could call this a {against_label}; it is a {own_label}.",
    "I cannot see how anyone could call it {against_adjective}.",
    "There is not one scene that I would call {against_adjective}.",
    "I never once thought that it was {against_adjective}, because it is {own_adjective}.",
    "A {against_label} it is not.",
    # Concession: what weighs.
    "For all its {against_quality}, it is {own_adjective}.",
    "It is {own_adjective} for all its {against_quality}.",
    "Despite its {against_quality}, I found it {own_adjective}.",
    "I found it {own_adjective} despite its {against_quality}.",
    "The {own_quality} did more to me than the {against_quality}.",
    "The {against_quality} mattered less to me than the {own_quality}.",
    "In the end the {own_quality} prevailed over the {against_quality}.",
    "Yes, {against_clause}, but {own_clause}, and that is what decides it.",
    "Even though {against_clause}, it is a {own_label}.",
    "It is a {own_label}, even though {against_clause}.",
    "It may be {against_adjective} in places, but as a whole it is {own_adjective}.",
    "As a whole it is {own_adjective}, even if it is {against_adjective} in places.",
    "What stays with me is that {own_clause}, not that {against_clause}.",
    "You could say that {against_clause}. I would answer that {own_clause}.",
    "At moments it is {against_adjective}, but they pass, and the rest is {own_adjective}.",
    "A {against_adjective} scene or two cannot hide how {own_adjective} the whole is.",
    "One can point to its {against_quality}, but a {own_label} is what it is.",
    "Its {against_quality} did not change my mind: this is a {own_label}.",
)

# The writer's opinion and nothing else.
STATEMENTS: tuple[str, ...] = (
    "I found it {own_adjective}.",
    "It is a {own_label}.",
    "I {own_reaction}.",
    "It is {own_adjective} and {own_adjective}.",
    "What a {own_adjective} {genre} this is.",
    "I call it a {own_label}, plain and simple.",
    "A {own_adjective} film, and I say so after some thought.",
    "The word for it is {own_adjective}.",
    "For me it was a {own_label}.",
    "I {own_reaction}, and so would you.",
    "All told, it is {own_adjective}.",
    "My verdict: {own_adjective}.",
    "If you want it in one word, {own_adjective}.",
    "By the time the lights came up I knew that it was a {own_label}.",
    "I have turned it over in my mind, and it remains {own_adjective}.",
    "A {own_label}, then.",
    "I can only speak for myself, and I {own_reaction}.",
    "It is a {own_adjective} piece of work by {director}.",
    "As a {genre} it is {own_adjective}.",
    "It struck me as {own_adjective} from the start.",
    "I do not use the word lightly: it is {own_adjective}.",
    "Two hours of my life, and they were {own_adjective}.",
    "To be honest with you, I {own_reaction}.",
    "The simple truth is that I found it {own_adjective}.",
    "Taken together it makes a {own_adjective} evening.",
    "{own_adjective}, from the first shot to the last.",
    "This {genre} is a {own_label}.",
)

# (positive, negative): mirrored as closely as English lets them be.
MIRRORED_VERDICTS: tuple[tuple[str, str], ...] = (
    ("The good outweighs the bad.", "The bad outweighs the good."),
    ("I would pay to see it again.", "I would pay not to see it again."),
    ("I do not regret a minute of it.", "There is not a minute of it that I do not regret."),
    ("I wanted to dislike it and could not.", "I wanted to like it and could not."),
    (
        "I was ready to hate it, and it would not let me.",
        "I was ready to love it, and it would not let me.",
    ),
    ("I cannot recommend it highly enough.", "I cannot recommend it, however highly others do."),
    ("You would be wrong to miss it.", "You would be right to miss it."),
    (
        "Go, and do not let the reviews talk you out of it.",
        "Do not go, and do not let the reviews talk you into it.",
    ),
    (
        "It was worth every penny, and I do not say that often.",
        "It was not worth a penny, and I do not say that often.",
    ),
    (
        "Its faults are real, but its strengths matter more.",
        "Its strengths are real, but its faults matter more.",
    ),
    ("I liked it far more than I disliked it.", "I disliked it far more than I liked it."),
    (
        "It fails in small things and succeeds in the large ones.",
        "It succeeds in small things and fails in the large ones.",
    ),
    ("I came out happier than I went in.", "I went in happier than I came out."),
    (
        "The longer it went on, the more I liked it and the less I minded its faults.",
        "The longer it went on, the less I liked it and the more I minded its faults.",
    ),
    (
        "What is right with it makes up for what is wrong with it.",
        "What is right with it cannot make up for what is wrong with it.",
    ),
    (
        "I went in a doubter and came out a believer.",
        "I went in a believer and came out a doubter.",
    ),
    ("I have seen better this year, but not often.", "I have seen worse this year, but not often."),
    ("It could hardly have been better.", "It could hardly have been worse."),
    ("It might so easily have been worse.", "It ought so easily to have been better."),
    (
        "I would sooner watch this twice than most of its rivals once.",
        "I would sooner watch most of its rivals twice than this once.",
    ),
    (
        "I had my doubts at the start and none at the end.",
        "I had no doubts at the start and plenty at the end.",
    ),
    (
        "Ask me whether I would sit through it again and the answer is yes, not no.",
        "Ask me whether I would sit through it again and the answer is no, not yes.",
    ),
    (
        "I would not have missed it for the world.",
        "I would gladly have missed it, and was not so lucky.",
    ),
    (
        "The thing works, and I cannot think of a good reason why it should.",
        "The thing does not work, and I can think of a good reason why it should.",
    ),
    (
        "I never thought I would say so, but I liked it.",
        "I never thought I would say so, but I did not like it.",
    ),
    (
        "It wins me over where it ought to lose me.",
        "It loses me where it ought to win me over.",
    ),
    (
        "My friends were sorry that they had come; I was not.",
        "My friends were not sorry that they had come; I was.",
    ),
    (
        "I doubt that I will see a better {genre} this year.",
        "I doubt that I will see a worse {genre} this year.",
    ),
    (
        "Would I send a friend to see it? I would, and I would not send an enemy.",
        "Would I send a friend to see it? I would not, though I would send an enemy.",
    ),
    (
        "I take back everything bad that I said about it beforehand.",
        "I take back everything good that I said about it beforehand.",
    ),
    (
        "Those who walked out early were wrong, and we who stayed were right.",
        "Those who walked out early were right, and we who stayed were wrong.",
    ),
    (
        "Everything that should matter in a {genre} is right, and what is wrong does not matter.",
        "Everything that should matter in a {genre} is wrong, and what is right does not matter.",
    ),
    (
        "There is less here to complain of than to admire.",
        "There is less here to admire than to complain of.",
    ),
    (
        "I do not see what there is to dislike about it.",
        "I do not see what there is to like about it.",
    ),
    (
        "Take away its faults and you would hardly notice; take away its strengths and you would.",
        "Take away its strengths and you would hardly notice; take away its faults and you would.",
    ),
    ("I was sorry when it ended.", "I was sorry when it did not end sooner."),
    (
        "I left with nothing to complain of but the rain.",
        "I left with nothing to praise but the rain.",
    ),
    (
        "If a sequel comes I will be the first in the queue.",
        "If a sequel comes I will not be in the queue.",
    ),
    (
        "I went in for {lead} and stayed for everything else.",
        "I went in for {lead} and stayed in spite of everything else.",
    ),
    (
        "It deserves its praise, and none of the scorn.",
        "It deserves its scorn, and none of the praise.",
    ),
    (
        "Let nobody tell you that it is not worth the fare into town.",
        "Let nobody tell you that it is worth the fare into town.",
    ),
    (
        "They asked me at the door whether I wanted my money back. I did not.",
        "They did not ask me at the door whether I wanted my money back. I did.",
    ),
)

# (positive, negative): said with a straight face, meant the other way round.
IRONIES: tuple[tuple[str, str], ...] = (
    (
        "Terrible news for my budget: I have already booked a second ticket.",
        "Wonderful news for my budget: I shall not be booking a second ticket.",
    ),
    (
        "How dare they make me miss my last train and not mind.",
        "How kind of them to let me catch an earlier train.",
    ),
    (
        "I blame it for the lost sleep, and I hope it does it to you too.",
        "I thank it for the lovely sleep, and I hope the usher forgives me.",
    ),
    (
        "It has ruined me for every other {genre}, the wretched thing.",
        "It has made me grateful for every other {genre}, the dear thing.",
    ),
    (
        "My one complaint to the management is that they turned the lights on.",
        "My one compliment to the management is that they turned the lights on.",
    ),
    (
        "A dreadful experience: my popcorn went cold because I forgot to eat it.",
        "A splendid experience: my popcorn was excellent, and I had time to count it.",
    ),
    (
        "I am told that there were uncomfortable seats; I would not know.",
        "I am told that there was a film; I remember the comfortable seats.",
    ),
    (
        "Shame on {director} for stopping after only two hours.",
        "Praise be to {director} for stopping after only two hours.",
    ),
)

# What others thought, with no answer from the writer in the same breath.
HEARSAY: tuple[str, ...] = (
    "{source} thought it {leaning_adjective}.",
    "{source} called it a {leaning_label} afterwards.",
    "According to {source}, {leaning_clause}.",
    "{source} {leaning_reaction}.",
    "The word going round was that it is {leaning_adjective}.",
    "Beforehand {source} told me that {leaning_clause}.",
    "{source} will tell you that it is a {leaning_label}.",
    "I had read somewhere that it was {leaning_adjective}.",
    "The trailer had promised something {leaning_adjective}.",
    "{source} wrote to say how {leaning_adjective} it was.",
    "Online they are calling it a {leaning_label}.",
    "{source} went on and on about its {leaning_quality}.",
    "{source} summed it up as {leaning_adjective}.",
    "The first thing that {source} mentioned was the {leaning_quality}.",
    "{source} was telling people that {leaning_clause}.",
    "If {source} is to be believed, {leaning_clause}.",
    "A headline on the poster says that it is {leaning_adjective}.",
    "{source}, I am told, {leaning_reaction}.",
    "My phone kept telling me that it was a {leaning_label}.",
    "{source} used the word {leaning_adjective} three times.",
)

# Single points, for and against, in no particular weight.
REMARKS: tuple[str, ...] = (
    "{leaning_clause}.",
    "{leaning_clause}, and {leaning_clause}.",
    "I noticed that {leaning_clause}.",
    "A point worth making: {leaning_clause}.",
    "It has to be said that {leaning_clause}.",
    "{leaning_clause}; {leaning_clause}.",
    "To my mind {leaning_clause}.",
    "One thing I will say: {leaning_clause}.",
    "I should mention the {leaning_quality}.",
    "Somewhere in the second half I became aware of the {leaning_quality}.",
    "Note that {leaning_clause}.",
    "I made a note of the {leaning_quality} and of the {leaning_quality}.",
    "Say what you will, {leaning_clause}.",
    "There is no arguing about one point: {leaning_clause}.",
    "Then there is the matter of the {leaning_quality}.",
    "I kept thinking that {leaning_clause}.",
    "It is worth knowing that {leaning_clause}.",
    "From where I sat, {leaning_clause}.",
    "Nobody can deny that {leaning_clause}.",
    "The {leaning_quality} did not escape me.",
    "For the record, {leaning_clause}.",
    "Among other things, {leaning_clause}.",
    "You will notice that {leaning_clause}.",
    "You will notice the {leaning_quality}, and you will notice that {leaning_clause}.",
    "{leaning_clause}, or so it seemed to me.",
    "I was struck by the {leaning_quality}.",
    "In particular {leaning_clause}.",
    "{leaning_clause}, {leaning_clause}, and {leaning_clause}.",
)

# Two points set against each other: the writer's side is the one that weighs.
BALANCES: tuple[str, ...] = (
    "{against_clause}, but {own_clause}.",
    "{against_clause}. Even so, {own_clause}.",
    "Although {against_clause}, {own_clause}.",
    "{own_clause}, although {against_clause}.",
    "It is true that {against_clause}; it matters more that {own_clause}.",
    "Granted, {against_clause}, but {own_clause}.",
    "{against_clause}, and yet {own_clause}.",
    "{own_clause}, even if {against_clause}.",
    "If {against_clause}, it hardly matters, since {own_clause}.",
    "{against_clause}, I admit; {own_clause}, I insist.",
    "Never mind that {against_clause}: {own_clause}.",
    "I could dwell on the {against_quality}, but {own_clause}.",
    "Set the {against_quality} aside: {own_clause}.",
    "On one side of the scales, {against_clause}; on the heavier side, {own_clause}.",
    "{own_clause}, which weighs more with me than the {against_quality}.",
    "Some will say that {against_clause}, but they forget that {own_clause}.",
    "{own_clause}, and next to that the {against_quality} meant little.",
    "I know that {against_clause}, and I know too that {own_clause}; the second is what counts.",
    "I know that {own_clause}, and I know too that {against_clause}; the first is what counts.",
)
