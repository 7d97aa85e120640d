"""Graph components and doors that live inside Rasa (Python 3.10). They import `library` and nothing else of ours."""
