"""The part of two Kubernetes schemas that docker/rayjob.yaml uses, with no field let through.

Taken from KubeRay's `ray.io/v1` types (RayJobSpec, RayClusterSpec, HeadGroupSpec, WorkerGroupSpec,
AutoscalerOptions, AuthOptions; release 1.5.1) and the core/v1 pod template. A cluster checks
manifests against the whole of them; this finds misspelt and misplaced fields without one.
"""

from typing import Any

TEXT = {"type": "string", "minLength": 1}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
QUANTITY = {"type": ["string", "number"], "pattern": r"^[0-9.]+([KMGT]i|[kMGTm])?$"}


def record(*required: str, **fields: Any) -> dict[str, Any]:
    """An object with these fields alone."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }


def sequence(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


def mapping(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": item}


RESOURCES = record(requests=mapping(QUANTITY), limits=mapping(QUANTITY))
SECRET = record("name", "key", name=TEXT, key=TEXT, optional=FLAG)
CONTAINER_SECURITY = record(
    allowPrivilegeEscalation=FLAG, capabilities=record(drop=sequence(TEXT)), runAsNonRoot=FLAG
)
CONTAINER = record(
    "name",
    "image",
    name=TEXT,
    image=TEXT,
    securityContext=CONTAINER_SECURITY,
    env=sequence(record("name", name=TEXT, value=TEXT, valueFrom=record(secretKeyRef=SECRET))),
    ports=sequence(record("containerPort", name=TEXT, containerPort=COUNT)),
    resources=RESOURCES,
    volumeMounts=sequence(record("name", "mountPath", name=TEXT, mountPath=TEXT)),
)
VOLUME = record(
    "name",
    name=TEXT,
    persistentVolumeClaim=record("claimName", claimName=TEXT),
    emptyDir=record(medium={"enum": ["", "Memory"]}, sizeLimit=QUANTITY),
)
POD_SECURITY = record(
    runAsNonRoot=FLAG,
    runAsUser=COUNT,
    runAsGroup=COUNT,
    fsGroup=COUNT,
    fsGroupChangePolicy={"enum": ["Always", "OnRootMismatch"]},
    seccompProfile=record("type", type={"enum": ["RuntimeDefault", "Localhost", "Unconfined"]}),
)
POD_TEMPLATE = record(
    "spec",
    spec=record(
        "containers",
        restartPolicy={"enum": ["Always", "Never", "OnFailure"]},
        securityContext=POD_SECURITY,
        containers=sequence(CONTAINER),
        volumes=sequence(VOLUME),
    ),
)
START_PARAMETERS = mapping({"type": "string"})
HEAD = record("rayStartParams", "template", rayStartParams=START_PARAMETERS, template=POD_TEMPLATE)
WORKERS = record(
    "groupName",
    "rayStartParams",
    "template",
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=START_PARAMETERS,
    template=POD_TEMPLATE,
)
RAY_CLUSTER = record(
    "headGroupSpec",
    rayVersion=TEXT,
    authOptions=record(mode={"enum": ["disabled", "token"]}),
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=record(idleTimeoutSeconds=COUNT, securityContext=CONTAINER_SECURITY),
    headGroupSpec=HEAD,
    workerGroupSpecs=sequence(WORKERS),
)
METADATA = record(
    "name", name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,45}[a-z0-9])?$"}
)
RAY_JOB = record(
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=METADATA,
    spec=record(
        entrypoint=TEXT,
        backoffLimit=COUNT,
        shutdownAfterJobFinishes=FLAG,
        ttlSecondsAfterFinished=COUNT,
        submitterPodTemplate=POD_TEMPLATE,
        rayClusterSpec=RAY_CLUSTER,
    ),
)
CLAIM = record(
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    apiVersion={"const": "v1"},
    kind={"const": "PersistentVolumeClaim"},
    metadata=METADATA,
    spec=record(
        "accessModes",
        "resources",
        accessModes=sequence({"enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]}),
        resources=RESOURCES,
    ),
)
