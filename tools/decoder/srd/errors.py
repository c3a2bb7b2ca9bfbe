"""The ways in which a repository can differ from the document."""


class Deviation(Exception):
    """The bytes are not what the document says."""


class NotWhole(Deviation):
    """A seal of wholeness does not match: accidental damage, a copy may help."""


class Missing(Deviation):
    """An object that should be there is not."""


class Unsupported(Deviation):
    """The bytes may be right for a later version of the format."""


class NoKey(Deviation):
    """The credentials given do not open the repository, or a key is lacking."""


def need(condition, message, kind=Deviation):
    if not condition:
        raise kind(message)
