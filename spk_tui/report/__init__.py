"""The report that one hands in: what runs were, what they reached, and what each change between them did.

facts.py      what a report knows, as structures; JSON is made of these
reading.py    a run's files and events as facts
measuring.py  accuracies with intervals, and differences between runs, from evaluations or from logs
intervals.py  intervals of counted shares
describing.py the model, the data and the training in sentences
diagram.py    the model as a picture of characters
figures.py    curves as SVG
document.py   all of it as Markdown
words/        the texts, a file a language
"""
