"""The sample reviews: the words, the frames they are put into, and the composer that does it."""
