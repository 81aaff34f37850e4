"""The shipped training methods, each declared once. Nothing here imports torch.

To add a method: its class in a file of this folder, and its declaration at the end of `METHODS`
(the reports give colours in this order).
"""

from typing import Literal

from tune_noise.declaration import MAX_EPOCHS, MAX_NETWORKS, Field, MethodDeclaration

PEERS = Field(
    name="peers",
    type=int,
    default=2,
    ge=2,
    le=MAX_NETWORKS,
    per_replicate=False,
    description="networks that teach each other",
)
TAU = Field(
    name="tau",
    type=float,
    default=0.2,
    ge=0.0,
    lt=1.0,
    description="final forget rate: fraction in [0, 1) of each batch that is dropped",
)
RAMP_EPOCHS = Field(
    name="ramp_epochs",
    type=int,
    default=10,
    ge=1,
    le=MAX_EPOCHS,
    begins="ramp",
    description="epochs until the forget rate reaches tau (paper: T_k)",
)
EXPONENT = Field(
    name="exponent",
    type=float,
    default=1.0,
    gt=0.0,
    le=10.0,
    description="exponent of the epoch in the ramp (paper: c)",
)
FORGETTING = (TAU, RAMP_EPOCHS, EXPONENT)
WARM_UP_EPOCHS = Field(
    name="warm_up_epochs",
    type=int,
    default=10,
    ge=0,
    le=MAX_EPOCHS,
    below="epochs",
    begins="warm-up",
    description="epochs before the method begins: of cross-entropy, or of plain co-teaching for "
    "co_teaching_plus",
)
TRANSITION = Field(
    name="transition",
    type=Literal["estimated", "known"],
    default="estimated",
    per_replicate=False,
    description="the transition matrix: estimated from anchor points after the warm-up, or known, "
    "which is oracle knowledge about synthetic noise",
)
BOOTSTRAP_BETA = Field(
    name="bootstrap_beta",
    type=float,
    default=0.8,
    ge=0.0,
    le=1.0,
    description="weight in [0, 1] of the noisy label; the network's prediction has the rest",
)

_DECLARATIONS = (
    MethodDeclaration(
        name="standard",
        implementation="tune_noise.methods.standard:Standard",
    ),
    MethodDeclaration(
        name="co_teaching",
        implementation="tune_noise.methods.co_teaching:CoTeaching",
        networks="peers",
        fields=(PEERS, *FORGETTING),
    ),
    MethodDeclaration(
        name="small_loss",
        implementation="tune_noise.methods.small_loss:SmallLoss",
        fields=FORGETTING,
    ),
    MethodDeclaration(
        name="jocor",
        implementation="tune_noise.methods.jocor:Jocor",
        networks=2,
        fields=(
            *FORGETTING,
            Field(
                name="jocor_lambda",
                type=float,
                default=0.9,
                ge=0.0,
                lt=1.0,
                description="weight in [0, 1) of the networks' divergence against their "
                "cross-entropies",
            ),
        ),
    ),
    MethodDeclaration(
        name="elr",
        implementation="tune_noise.methods.elr:EarlyLearning",
        fields=(
            Field(
                name="elr_lambda",
                type=float,
                default=3.0,
                ge=0.0,
                le=100.0,
                description="weight of the regulariser (paper: lambda)",
            ),
            Field(
                name="elr_beta",
                type=float,
                default=0.7,
                ge=0.0,
                lt=1.0,
                description="momentum in [0, 1) of an example's remembered prediction "
                "(paper: beta)",
            ),
        ),
    ),
    MethodDeclaration(
        name="gmm",
        implementation="tune_noise.methods.gmm:GaussianMixtureSelection",
        networks=2,
        fields=(
            WARM_UP_EPOCHS,
            Field(
                name="gmm_threshold",
                type=float,
                default=0.5,
                ge=0.0,
                lt=1.0,
                description="least probability in [0, 1) of being clean with which an example is "
                "kept",
            ),
        ),
    ),
    MethodDeclaration(
        name="co_teaching_plus",
        implementation="tune_noise.methods.co_teaching_plus:CoTeachingPlus",
        networks=2,
        fields=(*FORGETTING, WARM_UP_EPOCHS.with_default(0)),
    ),
    MethodDeclaration(
        name="decoupling",
        implementation="tune_noise.methods.decoupling:Decoupling",
        networks=2,
    ),
    MethodDeclaration(
        name="forward",
        implementation="tune_noise.methods.forward_correction:ForwardCorrection",
        fields=(
            TRANSITION,
            WARM_UP_EPOCHS.with_default(10, by={"transition": {"known": 0}}),
        ),
        told_matrix={"transition": "known"},
    ),
    MethodDeclaration(
        name="gce",
        implementation="tune_noise.methods.robust_losses:GeneralisedCrossEntropy",
        fields=(
            Field(
                name="gce_q",
                type=float,
                default=0.7,
                gt=0.0,
                le=1.0,
                description="exponent of the probability: near 0 cross-entropy, 1 mean absolute "
                "error",
            ),
        ),
    ),
    MethodDeclaration(
        name="sce",
        implementation="tune_noise.methods.robust_losses:SymmetricCrossEntropy",
        fields=(
            Field(
                name="sce_alpha",
                type=float,
                default=0.1,
                gt=0.0,
                le=100.0,
                description="weight of the cross-entropy (paper: alpha)",
            ),
            Field(
                name="sce_beta",
                type=float,
                default=1.0,
                ge=0.0,
                le=100.0,
                description="weight of the reverse cross-entropy (paper: beta)",
            ),
        ),
    ),
    MethodDeclaration(
        name="bootstrap_hard",
        implementation="tune_noise.methods.bootstrap:BootstrapHard",
        fields=(BOOTSTRAP_BETA,),
    ),
    MethodDeclaration(
        name="bootstrap_soft",
        implementation="tune_noise.methods.bootstrap:BootstrapSoft",
        fields=(BOOTSTRAP_BETA.with_default(0.95),),
    ),
    MethodDeclaration(
        name="label_smoothing",
        implementation="tune_noise.methods.smoothed:LabelSmoothing",
        fields=(
            Field(
                name="smoothing",
                type=float,
                default=0.1,
                ge=0.0,
                lt=1.0,
                description="share in [0, 1) of a label that is spread evenly over all classes",
            ),
        ),
    ),
    MethodDeclaration(
        name="infinite_batch",
        implementation="tune_noise.methods.smoothed:InfiniteBatch",
        fields=(
            Field(
                name="h_alpha",
                type=float,
                default=20.0,
                ge=0.0,
                le=1000.0,
                description="uniform labels per given one, over which the loss takes the "
                "expectation",
            ),
        ),
    ),
    MethodDeclaration(
        name="mixup",
        implementation="tune_noise.methods.mixup:Mixup",
        fields=(
            Field(
                name="mixup_alpha",
                type=float,
                default=1.0,
                gt=0.0,
                le=100.0,
                description="both parameters of the beta distribution of mixing shares "
                "(paper: alpha)",
            ),
        ),
    ),
    MethodDeclaration(
        name="standard_ensemble",
        implementation="tune_noise.methods.standard:Standard",
        networks=2,
    ),
    MethodDeclaration(
        name="standard_long",
        implementation="tune_noise.methods.standard:Standard",
        passes=2,
    ),
)
METHODS = {declaration.name: declaration for declaration in _DECLARATIONS}
