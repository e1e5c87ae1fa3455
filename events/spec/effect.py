"""Fields of event sources, buses and sensors that are read and kept, and have no effect yet: one sentence each."""

from argosy.errors import Problem
from argosy.manifests.model import Json, Model, keys_of
from argosy.manifests.unused import Table, unused
from events.spec.bus import EventBus
from events.spec.event_source import EventSource
from events.spec.pod import SensorPodTemplate
from events.spec.sensor import Sensor

_SHARED = "has no effect: all sources and sensors are served by one process"
_NOT_SERVED = "is kept, but this kind of source is not served yet"
_NOT_FIRED = "is kept, but this kind of trigger is not fired yet"
_OWN_BUS = "has no effect here: events travel on the NATS server that is started along"

EFFECTLESS: Table = {
    "EventSourceSpec": {
        "replicas": _SHARED,
        "service": _SHARED,
        "template": _SHARED,
        **dict.fromkeys((
            "amqp", "azureEventsHub", "azureQueueStorage", "azureServiceBus", "bitbucket", "bitbucketserver", "emitter",
            "file", "generic", "gerrit", "gitlab", "hdfs", "kafka", "minio", "mns", "mqtt", "nats", "nsq", "pubSub",
            "pulsar", "redis", "redisStream", "resource", "sftp", "slack", "sns", "sqs", "storageGrid", "stripe",
        ), _NOT_SERVED),
    },
    "EventBusSpec": dict.fromkeys(("nats", "jetstream", "jetstreamExotic", "kafka"), _OWN_BUS),
    "SensorSpec": {"replicas": _SHARED, "revisionHistoryLimit": _SHARED},
    "SensorPodTemplate": dict.fromkeys(keys_of(SensorPodTemplate).keys() - {"serviceAccountName"}, _SHARED),
    "EventDependency": {"transform": "is not run yet, nor is the sensor with it: use dataTemplate in the parameters"},
    "EventDependencyFilter": {"script": "is not run yet, nor is the sensor with it: write the test as exprs or data"},
    "TriggerTemplate": {
        "conditionsReset": "has no effect yet: half-met conditions are kept",
        **dict.fromkeys((
            "awsLambda", "azureEventHubs", "azureServiceBus", "custom", "email", "kafka", "nats", "openWhisk", "pulsar",
            "slack",
        ), _NOT_FIRED),
    },
    "TriggerPolicy": {"k8s": "has no effect yet: the trigger is done once the object exists"},
}
_KINDS: dict[str, type[Model]] = {"EventSource": EventSource, "EventBus": EventBus, "Sensor": Sensor}


def effectless(obj: Json) -> list[Problem]:
    """Warnings for an object of one of Argo Events' kinds; none for other kinds."""
    model = _KINDS.get(obj.get("kind", "")) if isinstance(obj, dict) else None
    return unused(model, obj, EFFECTLESS) if model is not None else []
