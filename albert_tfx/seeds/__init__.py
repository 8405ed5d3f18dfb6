"""Several trainings of one recipe: what each answers, and how far the recipe is known by them."""
