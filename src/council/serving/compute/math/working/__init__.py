"""The working that is shown beside an answer: its steps, made from the tree that was read, never from the answer's text.

Each line is a claim that can be tested alone, and it is tested before it is shown, on the text that is shown: the grammar reads
it back, and our own arithmetic says whether it holds and follows from the line before. Where a line does not hold, or there
would be too many, no steps are shown; the answer stands without them. So nothing here raises, and nothing here decides.
"""
