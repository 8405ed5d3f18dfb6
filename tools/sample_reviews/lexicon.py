"""Words for a whole film, keyed by polarity, and the people who hold an opinion on it."""

from collections.abc import Mapping

ADJECTIVES: Mapping[str, tuple[str, ...]] = {
    "positive": (
        "gripping", "tender", "funny", "moving", "charming", "clever", "absorbing", "graceful",
        "thrilling", "inventive", "delightful", "honest", "elegant", "touching", "witty",
        "stirring", "assured", "vivid", "lively", "playful", "enchanting", "rewarding",
        "hypnotic", "humane", "wise", "bracing", "magnificent", "lovely", "splendid", "haunting",
        "satisfying", "superb", "fresh", "sincere", "spellbinding", "affecting", "brilliant",
    ),
    "negative": (
        "dull", "clumsy", "tedious", "flat", "hollow", "lifeless", "predictable", "muddled",
        "shapeless", "smug", "leaden", "lazy", "tiresome", "dreary", "bloated", "forgettable",
        "shallow", "mawkish", "laboured", "incoherent", "plodding", "wearisome", "cynical",
        "stale", "drab", "feeble", "dismal", "ponderous", "pretentious", "contrived", "grating",
        "dire", "insipid", "charmless", "bland", "half-baked", "joyless",
    ),
}  # fmt: skip

# Without their article, so that "a {label}" and "the {label}" both work.
LABELS: Mapping[str, tuple[str, ...]] = {
    "positive": (
        "triumph", "small miracle", "masterpiece", "treat", "joy", "gem", "tonic", "revelation",
        "pleasure", "knockout", "feast", "marvel", "success", "delight", "wonder", "winner",
        "little jewel", "work of art",
    ),
    "negative": (
        "mess", "disaster", "bore", "chore", "failure", "waste of an evening", "dud", "slog",
        "let-down", "misfire", "calamity", "botch", "penance", "damp squib", "muddle", "flop",
        "wreck", "disappointment",
    ),
}  # fmt: skip

REACTIONS: Mapping[str, tuple[str, ...]] = {
    "positive": (
        "forgot the time", "sat up straight", "wept without shame", "leaned forward all evening",
        "grinned like a child", "clapped at the end", "came out smiling", "hardly blinked",
        "wanted to start again from the beginning", "walked home on air", "cheered aloud",
        "hung on every word", "was enthralled", "had a wonderful time", "fell for it completely",
    ),
    "negative": (
        "watched the clock", "counted the exit signs", "dozed off", "sighed all evening",
        "fidgeted like a child", "groaned at the end", "came out yawning", "hardly cared",
        "wanted to leave before the end", "walked home in a temper", "snored aloud",
        "lost the thread", "was bored stiff", "had a miserable time", "gave up on it completely",
    ),
}  # fmt: skip

# Each is one person or body, so that "was" agrees.
SOURCES: tuple[str, ...] = (
    "my sister", "my brother-in-law", "the critic in my morning paper", "my neighbour",
    "the man in the next seat", "the woman beside me", "my oldest friend", "everyone at work",
    "the festival jury", "my teenage son", "my daughter", "my wife", "my husband",
    "a colleague", "my barber", "the girl at the box office", "the usher", "my flatmate",
    "my mother", "my film club", "the audience around me", "the professor I live next to",
    "the reviewer on the radio", "nearly every critic", "my cousin",
    "the crowd at the premiere", "a man at the bus stop", "the rest of the row", "my landlady",
    "our film society's chairman", "my dentist", "the friend who lent it to me",
    "the lad who cuts my hair", "my old teacher", "almost everyone I know",
)  # fmt: skip
