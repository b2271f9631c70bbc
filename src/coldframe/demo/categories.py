"""What kind of thing a product is, read from the words of its title.

The published data has no categories. These are ours: one table that a person can read in a minute, in which the first
line that shares a word with the title decides. Owns the table. Never looks at who bought what.
"""

import re
from itertools import pairwise

OTHER = "other"
"""The category of a title in which no rule knows a word."""

RULES: tuple[tuple[str, str], ...] = (
    (
        "christmas",
        "christmas xmas santa reindeer advent snowman snowflake bauble nativity noel stocking wreath rudolph",
    ),
    ("easter", "easter"),
    ("lunch and picnic", "lunch picnic snack flask drinking straw cooler"),
    ("warmth and comfort", "water-bottle hottie warmer slipper blanket"),
    ("candles and scent", "candle t-light tealight candleholder candlestick candlepot incense scented votive burner"),
    ("candles and scent", "chocolatecandle matches joss potpourri fragrance"),
    ("kitchen", "kitchen apron cutlery spoon oven jar pantry pan timer colander scale bread biscuit sugar tea-towel"),
    ("kitchen", "jam"),
    ("baking", "cake-case baking cake-tin cutter cupcake recipe jelly mould whisk measuring rolling"),
    ("tableware", "mug cup teacup saucer plate bowl tea-set teapot jug tray napkin coaster placemat goblet dish cosy"),
    ("tableware", "cake-stand cakestand tumbler beaker tea-glass bottle egg-cup tea-strainer caddy tablecloth"),
    ("bags and purses", "bag handbag purse shopper wallet rucksack backpack holdall case luggage passport"),
    ("hooks, boxes and storage", "jewellery-box trinket-box storage-box storage drawer cabinet rack basket tidy shelf"),
    ("hooks, boxes and storage", "hook knob drawerknob hanger crate chest organiser container key-fob tin magnet bin"),
    ("jewellery", "necklace bracelet earring ring pendant bangle brooch jewellery hair hairclip choker hoop keyring"),
    ("lighting", "lamp light nightlight lampshade lantern chandelier torch lampholder"),
    (
        "cards and wrapping",
        "greeting-card birthday-card gift-card card-pack wrap ribbon tissue gift-tag envelope postcard",
    ),
    (
        "stationery",
        "notebook pencil pen sketchbook sticker journal eraser ruler book notepad memo tape stationery stamp",
    ),
    ("stationery", "calendar writing-set calculator letter-rack memoboard"),
    ("party", "bunting party balloon banner garland paper-chain candelabra doily doilies disco"),
    (
        "toys and games",
        "toy jigsaw doll dolly game puzzle skittles marbles domino soldier playhouse snap tattoo magic bingo",
    ),
    (
        "toys and games",
        "glider skipping spinning-top crayon chalk modelling ludo snakes windmill spade teddy clay colouring",
    ),
    ("toys and games", "paint-set playing-card dinosaur naughts inflatable children childrens childs kids"),
    ("cards and wrapping", "card tag"),
    ("garden", "garden plant watering birdhouse seed parasol trowel planter herb feeder hammock gardener bucket twine"),
    ("frames, mirrors and clocks", "frame mirror clock photo picture album canvas print"),
    ("signs and wall art", "sign plaque wall art tile letter blackboard chalkboard number block board"),
    (
        "cushions and textiles",
        "cushion throw quilt rug curtain doormat mat towel fabric doorstop pillow filler flannel",
    ),
    ("bath and laundry", "soap bath bathroom toothbrush plasters balm lip nail wash washing peg laundry duster"),
    ("craft", "craft feltcraft sewing knitting crochet button patch felt kit origami decoupage needle stencil"),
    ("weather and travel", "umbrella travel raincoat poncho rain phone bicycle"),
    ("hooks, boxes and storage", "box holder"),
    ("tableware", "glass"),
    ("furniture", "table stool chair stand bench desk"),
    ("decorations", "decoration heart hanging ornament bird flower star angel egg rabbit butterfly bell rose feather"),
    ("decorations", "tree wicker trinket mobile duck pear shell vase beads bead crystal"),
)
"""(category, its words). The order is the meaning: a "Christmas gift bag" is Christmas, a "lunch bag" is for lunch.

Two words joined by a hyphen are two neighbours in the title."""

CATEGORIES: tuple[str, ...] = (*dict.fromkeys(name for name, _ in RULES), OTHER)
"""Every category there is."""

_WORDS: tuple[tuple[str, frozenset[str]], ...] = tuple((name, frozenset(words.split())) for name, words in RULES)


def category_of(title: str) -> str:
    """Return the category of a title.

    >>> category_of("White hanging heart t-light holder")
    'candles and scent'
    >>> category_of("Lunch bag red retrospot"), category_of("Set/3 boxes"), category_of("Ant copper lime boudicca")
    ('lunch and picnic', 'hooks, boxes and storage', 'other')
    """
    words = re.findall(r"[a-z][a-z-]*", title.lower())
    neighbours = [f"{first}-{second}" for first, second in pairwise(words)]
    known = {form for word in (*words, *neighbours) for form in _forms(word)}
    return next((name for name, expected in _WORDS if expected & known), OTHER)


def _forms(word: str) -> tuple[str, ...]:
    """Return a word and what it may be the plural of."""
    return (word, word.removesuffix("s"), word.removesuffix("es"))
