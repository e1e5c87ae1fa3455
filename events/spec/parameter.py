"""Values taken from events, and where they go."""

from argosy.manifests.model import Model


class TriggerParameterSource(Model):
    """A value from an event: which dependency, and what of it."""

    context_key: str = ""
    context_template: str = ""
    data_key: str = ""
    data_template: str = ""
    dependency_name: str = ""
    use_raw_data: bool = False
    value: str | None = None


class TriggerParameter(Model):
    """A value from an event, and where in the trigger's object it goes."""

    dest: str = ""
    operation: str = ""
    src: TriggerParameterSource | None = None
