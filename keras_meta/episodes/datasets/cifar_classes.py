"""The classes of CIFAR-100, and their splits in CIFAR-FS and FC100."""

# From each superclass to its classes.
CIFAR_100 = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}

# In the order in which the labels of CIFAR-100 number them.
CIFAR_100_CLASSES = tuple(sorted(name for classes in CIFAR_100.values() for name in classes))


def _with_the_rest_for_training(validation, test):
    held_out = {*validation, *test}
    train = tuple(name for name in CIFAR_100_CLASSES if name not in held_out)
    return {"train": train, "validation": tuple(validation), "test": tuple(test)}


def _classes_of(superclasses):
    return [name for superclass in superclasses for name in CIFAR_100[superclass]]


# By split, chosen at random by Bertinetto et al.
CIFAR_FS = _with_the_rest_for_training(
    validation="""
        beaver beetle butterfly camel cattle crab crocodile flatfish lamp maple_tree motorcycle
        otter sea shark television tractor
    """.split(),
    test="""
        baby bed bicycle chimpanzee fox leopard man pickup_truck plain poppy rocket rose snail
        sweet_pepper table telephone wardrobe whale woman worm
    """.split(),
)

# By split, of superclasses that no other split has.
FC100 = _with_the_rest_for_training(
    validation=_classes_of(
        [
            "large_carnivores",
            "large_omnivores_and_herbivores",
            "non-insect_invertebrates",
            "small_mammals",
        ]
    ),
    test=_classes_of(["aquatic_mammals", "insects", "medium_mammals", "people"]),
)
