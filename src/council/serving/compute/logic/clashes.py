"""What plain words exclude although no sentence says so: one of two places, rich and poor at once."""

import itertools

from council.serving.compute.logic import formulas, problems, words


def exclusive(premises: list[formulas.Formula]) -> str:
    """Return why an "or" may mean: not both. It may where both sides speak of one subject ("in Paris or in Rome")."""
    for formula in premises:
        for node in formulas.walk(formula):
            if isinstance(node, formulas.Or):
                subjects = [subject for atom in formulas.atoms(node) if (subject := _split(atom)[0])]
                if len(set(subjects)) < len(subjects):
                    return "an 'or' about one subject may mean that only one of the two is so"
    return ""


def exclusions(problem: problems.Problem) -> tuple[problems.Premise, ...]:
    """Return, as premises, that nothing is two opposite things."""
    found: list[formulas.Formula] = []
    individuals = [formulas.Atom(predicate, formulas.VARIABLE) for predicate in problem.predicates]
    for one, other in itertools.combinations(individuals, 2):
        if words.opposed(one.predicate, other.predicate):
            found.append(formulas.Every(formulas.Not(formulas.And((one, other)))))
    clauses = [formulas.Atom(clause, formulas.CLAUSE) for clause in problem.clauses]
    for one, other in itertools.combinations(clauses, 2):
        (subject, said), (subject_too, said_too) = _split(one), _split(other)
        if subject and subject == subject_too and words.opposed(said, said_too):
            found.append(formulas.Not(formulas.And((one, other))))
    return tuple(problems.Premise("", formula) for formula in found)


def _split(atom: formulas.Atom) -> tuple[str, str]:
    """Part subject and what is said; a clause that is one letter has no subject."""
    if atom.subject != formulas.CLAUSE:
        return atom.subject, atom.predicate
    for be in ("is", "are", "am"):
        subject, joint, said = atom.predicate.partition(f" {be} ")
        if joint:
            return subject.lower(), said
    parts = atom.predicate.lower().split()
    size = 2 if parts[0] in ("the", "a", "an", "my", "your") else 1
    return (" ".join(parts[:size]), " ".join(parts[size:])) if len(parts) > size else ("", atom.predicate)
