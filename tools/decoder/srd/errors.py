"""The ways in which a repository can differ from the document."""


class Deviation(Exception):
    """The bytes are not what the document says."""


class NotWhole(Deviation):
    """A seal of wholeness does not match: accidental damage, a copy may help."""


class Unsupported(Deviation):
    """The bytes may be right for a later version of the format."""


class NoKey(Deviation):
    """The credentials given do not open the repository, or the role lacks the key."""


def need(condition, message, kind=Deviation):
    if not condition:
        raise kind(message)
