"""What a review can praise or blame: for each aspect of a film, how it is said both ways.

Every subject is singular and fits every predicate of its aspect, so that `subject predicate` is a
clause. A quality fits after "its" and after "the".
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Aspect:
    """One aspect of a film. `predicates` and `qualities` are keyed by polarity."""

    subjects: tuple[str, ...]
    predicates: Mapping[str, tuple[str, ...]]
    qualities: Mapping[str, tuple[str, ...]]


ACTING = Aspect(
    subjects=("the acting", "the cast", "{lead}", "the central performance", "{lead} in the lead"),
    predicates={
        "positive": (
            "is superb from first to last",
            "finds the hurt behind every line",
            "makes each silence count",
            "never puts a foot wrong",
            "rises to every big scene",
            "does not strike one false note",
            "is a pleasure to watch",
            "carries real conviction",
            "does more with a look than others do with a speech",
        ),
        "negative": (
            "is wooden from first to last",
            "finds nothing behind any line",
            "makes each silence a blank",
            "never comes to life",
            "shrinks from every big scene",
            "does not strike one true note",
            "is painful to watch",
            "carries no conviction at all",
            "does less with a speech than others do with a look",
        ),
    },
    qualities={
        "positive": ("fine acting", "committed performances", "strong cast"),
        "negative": ("wooden acting", "sleepy performances", "miscast leads"),
    },
)

PLOT = Aspect(
    subjects=("the plot", "the story", "the script's central mystery", "the main storyline"),
    predicates={
        "positive": (
            "holds together to the last page",
            "keeps its secrets well",
            "takes turns that nobody could have guessed",
            "never insults the viewer",
            "makes perfect sense once the dust settles",
            "is built like a good watch",
            "does not waste a single thread",
            "has real weight",
        ),
        "negative": (
            "falls apart at a touch",
            "gives its secrets away too soon",
            "takes turns that anybody could have guessed",
            "insults the viewer more than once",
            "makes no sense once the dust settles",
            "is held together with string",
            "does not tie up a single thread",
            "has no weight whatever",
        ),
    },
    qualities={
        "positive": ("well-built plot", "surprising story", "careful plotting"),
        "negative": ("threadbare plot", "second-hand story", "careless plotting"),
    },
)

PACING = Aspect(
    subjects=("the pacing", "the rhythm of the thing", "the middle hour", "the tempo"),
    predicates={
        "positive": (
            "is beautifully judged",
            "never flags",
            "does not let you breathe",
            "feels brisk without being rushed",
            "is just right for the material",
            "builds and builds",
            "keeps you leaning forward",
        ),
        "negative": (
            "is badly judged",
            "never picks up",
            "does not let anything develop",
            "feels rushed and slow at once",
            "is all wrong for the material",
            "sags and sags",
            "keeps you looking at the clock",
        ),
    },
    qualities={
        "positive": ("brisk pace", "sure sense of rhythm", "steady build-up"),
        "negative": ("sluggish pace", "uncertain rhythm", "endless build-up"),
    },
)

MUSIC = Aspect(
    subjects=("the music", "the score", "the orchestral score", "the song over the credits"),
    predicates={
        "positive": (
            "lifts every scene it touches",
            "is still in my head",
            "knows when to stay quiet",
            "does half of the storytelling",
            "never tells you what to feel",
            "deserves an evening of its own",
            "is as subtle as one could wish",
        ),
        "negative": (
            "smothers every scene it touches",
            "gave me a headache",
            "does not know when to stay quiet",
            "gets in the way of the storytelling",
            "never stops telling you what to feel",
            "belongs in a lift",
            "is as subtle as a brass band",
        ),
    },
    qualities={
        "positive": ("lovely score", "delicate music", "well-chosen songs"),
        "negative": ("blaring score", "syrupy music", "ill-chosen songs"),
    },
)

CAMERA = Aspect(
    subjects=("the camera work", "the photography", "the lighting", "the look of the picture"),
    predicates={
        "positive": (
            "is gorgeous",
            "turns every room into a painting",
            "catches things that a lesser film would miss",
            "never shows off",
            "gives the faces room to speak",
            "is full of quiet invention",
            "made me want to pause and stare",
        ),
        "negative": (
            "is ugly",
            "turns every room into a cellar",
            "misses things that a lesser film would catch",
            "never stops showing off",
            "gives the faces no room to speak",
            "is full of borrowed tricks",
            "made me want to rest my eyes",
        ),
    },
    qualities={
        "positive": ("handsome photography", "graceful camera work", "fine lighting"),
        "negative": ("murky photography", "jittery camera work", "harsh lighting"),
    },
)

DIALOGUE = Aspect(
    subjects=("the dialogue", "the writing, line by line,", "the talk", "the banter"),
    predicates={
        "positive": (
            "crackles",
            "sounds like people I know",
            "trusts us to read between the lines",
            "has wit to spare",
            "never explains what we can see",
            "gives every character a voice",
            "is a joy to the ear",
        ),
        "negative": (
            "creaks",
            "sounds like nobody I know",
            "spells out what lies between the lines",
            "has no wit to spare",
            "never stops explaining what we can see",
            "gives every character the same voice",
            "is a trial to the ear",
        ),
    },
    qualities={
        "positive": ("witty dialogue", "well-turned lines", "easy banter"),
        "negative": ("stilted dialogue", "clunking lines", "forced banter"),
    },
)

ENDING = Aspect(
    subjects=("the ending", "the last reel", "the final scene", "the way it closes"),
    predicates={
        "positive": (
            "is earned",
            "lands with real force",
            "brought a lump to my throat",
            "ties the knot without fuss",
            "does not take the easy way out",
            "throws new light on all that came before",
            "leaves just enough unsaid",
        ),
        "negative": (
            "is not earned",
            "lands with a thud",
            "brought a groan to my lips",
            "ties itself in knots",
            "takes the easy way out",
            "throws away all that came before",
            "leaves far too much unsaid",
        ),
    },
    qualities={
        "positive": ("well-earned ending", "quiet last scene", "bold finish"),
        "negative": ("botched ending", "preachy last scene", "limp finish"),
    },
)

EFFECTS = Aspect(
    subjects=("the effects work", "the trickery on screen", "the big storm sequence", "the flood"),
    predicates={
        "positive": (
            "is seamless",
            "made me duck in my seat",
            "serves the story and not the other way round",
            "looks as if it had cost ten times the money",
            "still has a sense of wonder",
            "never looks painted on",
            "had the whole row gasping",
        ),
        "negative": (
            "is shoddy",
            "made me wince in my seat",
            "swallows the story whole",
            "looks as if it had cost the price of a sandwich",
            "has no sense of wonder left",
            "looks painted on",
            "had the whole row sniggering",
        ),
    },
    qualities={
        "positive": ("convincing effects", "clever trickery", "impressive spectacle"),
        "negative": ("cheap effects", "plastic monsters", "empty spectacle"),
    },
)

LENGTH = Aspect(
    subjects=("the running time", "the length of it", "its length", "the director's cut"),
    predicates={
        "positive": (
            "is exactly right",
            "flew past",
            "felt like half an hour",
            "gives the story the room it needs",
            "was no burden at all",
            "leaves you wishing for more",
        ),
        "negative": (
            "is past a joke",
            "crawled past",
            "felt like half a week",
            "gives the story more room than it needs",
            "was a burden from the start",
            "leaves you wishing for less",
        ),
    },
    qualities={
        "positive": ("sensible length", "modest running time", "tidy ninety minutes"),
        "negative": ("silly length", "swollen running time", "extra forty minutes"),
    },
)

TICKET = Aspect(
    subjects=("the ticket", "the price of admission", "the money I paid at the door"),
    predicates={
        "positive": (
            "was a bargain",
            "was well spent",
            "bought me more than I had asked for",
            "seemed little enough by the end",
            "was no loss",
        ),
        "negative": (
            "was no bargain",
            "was badly spent",
            "bought me less than I had asked for",
            "seemed a great deal by the end",
            "was a loss",
        ),
    },
    qualities={"positive": (), "negative": ()},
)

HUMOUR = Aspect(
    subjects=("the humour", "the comic relief", "the joking", "the comedy of manners"),
    predicates={
        "positive": (
            "is dry and well timed",
            "had me laughing aloud",
            "comes out of character",
            "is never cruel",
            "arrives when you need it most",
            "does not miss",
        ),
        "negative": (
            "is broad and badly timed",
            "had me staring at the floor",
            "comes out of a cracker",
            "is never kind",
            "arrives when you need it least",
            "does not land",
        ),
    },
    qualities={
        "positive": ("dry humour", "good jokes", "comic timing"),
        "negative": ("sour humour", "tired jokes", "laboured clowning"),
    },
)

SETTING = Aspect(
    subjects=("the setting", "the design", "the village they built for it", "the set dressing"),
    predicates={
        "positive": (
            "feels lived in",
            "is rich in detail",
            "could tell the story alone",
            "made me want to move there",
            "rings true in every corner",
            "is a character in its own right",
        ),
        "negative": (
            "feels like cardboard",
            "is poor in detail",
            "could belong to any story",
            "made me want to leave",
            "rings false in every corner",
            "is a backdrop and nothing more",
        ),
    },
    qualities={
        "positive": ("lived-in sets", "period detail", "striking locations"),
        "negative": ("cardboard sets", "sloppy period detail", "anonymous locations"),
    },
)

CHARACTERS = Aspect(
    subjects=("the heroine", "the villain", "the hero's old father", "the second lead"),
    predicates={
        "positive": (
            "is someone you believe in",
            "has a reason for everything",
            "grows before your eyes",
            "stays with you",
            "is written with sympathy",
            "never turns into a type",
            "is worth the whole journey",
        ),
        "negative": (
            "is no one you believe in",
            "has no reason for anything",
            "shrinks before your eyes",
            "slips from memory",
            "is written without sympathy",
            "never rises above a type",
            "is hardly worth the journey",
        ),
    },
    qualities={
        "positive": ("well-drawn characters", "believable people", "sympathetic heroine"),
        "negative": ("thinly drawn characters", "unbelievable people", "unsympathetic heroine"),
    },
)

EDITING = Aspect(
    subjects=("the editing", "the cutting", "the way it moves between its two stories"),
    predicates={
        "positive": (
            "is a lesson in economy",
            "keeps everything clear",
            "lets a scene breathe",
            "is crisp",
            "finds rhymes where you expect none",
            "makes sense of the time jumps",
        ),
        "negative": (
            "is a lesson in confusion",
            "keeps nothing clear",
            "cuts a scene off before it can breathe",
            "is ragged",
            "finds gaps where you expect none",
            "makes a hash of the time jumps",
        ),
    },
    qualities={
        "positive": ("crisp editing", "clear construction", "elegant cutting"),
        "negative": ("ragged editing", "confused construction", "frantic cutting"),
    },
)

SOUND = Aspect(
    subjects=("the sound", "the sound mix", "the use of silence"),
    predicates={
        "positive": (
            "is exquisite",
            "puts you in the room",
            "rewards a good cinema",
            "lets every word through",
            "raised the hair on my arms",
        ),
        "negative": (
            "is wretched",
            "shuts you out of the room",
            "punishes a good cinema",
            "drowns every second word",
            "set my teeth on edge",
        ),
    },
    qualities={
        "positive": ("careful sound", "rich sound mix"),
        "negative": ("muffled sound", "deafening sound mix"),
    },
)

COSTUME = Aspect(
    subjects=("the wardrobe", "the costume work", "the make-up"),
    predicates={
        "positive": (
            "is spot on",
            "tells you who everyone is",
            "deserves a prize",
            "looks worn rather than hired",
            "is a quiet delight",
        ),
        "negative": (
            "is wide of the mark",
            "tells you nothing about anyone",
            "deserves a bonfire",
            "looks hired rather than worn",
            "is a loud distraction",
        ),
    },
    qualities={
        "positive": ("splendid costumes", "subtle make-up"),
        "negative": ("ridiculous costumes", "caked make-up"),
    },
)

OPENING = Aspect(
    subjects=("the opening", "the first reel", "the long first scene", "the prologue"),
    predicates={
        "positive": (
            "pulls you straight in",
            "sets the tone to perfection",
            "wastes no time",
            "asks a question that you want answered",
            "is a small film in itself",
            "promises a lot and delivers it",
        ),
        "negative": (
            "shuts you straight out",
            "sets the wrong tone",
            "wastes no end of time",
            "asks a question that nobody wants answered",
            "is a lecture in itself",
            "promises nothing and delivers it",
        ),
    },
    qualities={
        "positive": ("arresting opening", "confident first scenes"),
        "negative": ("bungled opening", "hesitant first scenes"),
    },
)

ATMOSPHERE = Aspect(
    subjects=("the mood", "the atmosphere", "the air of the place", "the tone"),
    predicates={
        "positive": (
            "is held without a slip",
            "gets under your skin",
            "is rich and strange",
            "suits the tale to perfection",
            "stays with you on the way home",
        ),
        "negative": (
            "slips from scene to scene",
            "gets on your nerves",
            "is thin and stale",
            "does not suit the tale",
            "is gone before you reach the door",
        ),
    },
    qualities={
        "positive": ("rich atmosphere", "steady tone", "sense of place"),
        "negative": ("thin atmosphere", "wobbling tone", "want of atmosphere"),
    },
)

SUSPENSE = Aspect(
    subjects=("the suspense", "the tension", "the chase across the roofs", "the final duel"),
    predicates={
        "positive": (
            "is nearly unbearable, in the good sense",
            "tightens like a screw",
            "had me gripping the armrest",
            "is worth the wait",
            "is staged with great skill",
            "does not let go",
        ),
        "negative": (
            "is nearly invisible, in the bad sense",
            "slackens like old rope",
            "had me playing with my sleeve",
            "is not worth the wait",
            "is staged with no skill",
            "does not take hold",
        ),
    },
    qualities={
        "positive": ("real tension", "clever chases", "sense of danger"),
        "negative": ("absent tension", "tame chases", "lack of danger"),
    },
)

CHEMISTRY = Aspect(
    subjects=(
        "the romance",
        "the friendship at its heart",
        "the bond between {lead} and {partner}",
        "what passes between {lead} and {partner}",
    ),
    predicates={
        "positive": (
            "is wholly believable",
            "warms the whole picture",
            "gives off sparks",
            "is touched in with a light hand",
            "feels true",
            "is the best thing here",
        ),
        "negative": (
            "is wholly unbelievable",
            "chills the whole picture",
            "gives off no sparks",
            "is laid on with a trowel",
            "feels false",
            "is the worst thing here",
        ),
    },
    qualities={
        "positive": ("tender romance", "believable friendship"),
        "negative": ("dutiful romance", "unlikely friendship"),
    },
)

DIRECTION = Aspect(
    subjects=("the direction", "{director}'s direction", "{director} behind the camera"),
    predicates={
        "positive": (
            "shows a sure hand",
            "trusts the material",
            "keeps a dozen plates in the air",
            "brings out the best in everyone",
            "is a model of tact",
        ),
        "negative": (
            "shows an unsure hand",
            "does not trust the material",
            "drops a dozen plates at once",
            "brings out the worst in everyone",
            "is short of tact",
        ),
    },
    qualities={
        "positive": ("assured direction", "directorial flair"),
        "negative": ("heavy-handed direction", "directorial fuss"),
    },
)

ASPECTS: Mapping[str, Aspect] = {
    "acting": ACTING,
    "plot": PLOT,
    "pacing": PACING,
    "music": MUSIC,
    "camera": CAMERA,
    "dialogue": DIALOGUE,
    "ending": ENDING,
    "effects": EFFECTS,
    "length": LENGTH,
    "ticket": TICKET,
    "humour": HUMOUR,
    "setting": SETTING,
    "characters": CHARACTERS,
    "editing": EDITING,
    "sound": SOUND,
    "costume": COSTUME,
    "opening": OPENING,
    "atmosphere": ATMOSPHERE,
    "suspense": SUSPENSE,
    "chemistry": CHEMISTRY,
    "direction": DIRECTION,
}
