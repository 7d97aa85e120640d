"""The ground floor: the words and rules of a library. Pure Python, 3.10 and later; imports none of ours."""
