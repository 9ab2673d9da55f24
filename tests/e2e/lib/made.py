"""Factories for fixtures: what they make is closed when the test is over."""


def made_by(kind, check=None):
    """For `yield from`: a function that makes kind(...)s, and has them as `made`. check(those made) is called before
    they are closed."""
    made = []

    def make(*a, **k):
        made.append(kind(*a, **k))
        return made[-1]
    make.made = made
    yield make
    try:
        if check:
            check(made)
    finally:
        for x in made:
            x.close()
