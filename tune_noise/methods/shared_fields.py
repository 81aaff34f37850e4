"""Fields of training methods: most are shared by several, and each is declared once."""

from typing import Literal

from tune_noise.declaration import MAX_EPOCHS, MAX_NETWORKS, Field

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
    description="final forget rate: fraction in [0, 1) of each batch that is dropped; with "
    "aum_prune of all examples",
)
RAMP_EPOCHS = Field(
    name="ramp_epochs",
    type=int,
    default=10,
    ge=1,
    le=MAX_EPOCHS,
    begins="ramp",
    description="epochs until the forget rate reaches tau (paper: T_k), or until cores2 reaches "
    "cores_beta",
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
NCE_WEIGHT = Field(
    name="nce_weight",
    type=float,
    default=1.0,
    ge=0.0,
    le=100.0,
    description="weight of the normalised cross-entropy (paper: alpha)",
)
EARLY_LEARNING = (
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
        description="momentum in [0, 1) of an example's remembered prediction (paper: beta)",
    ),
)
MIXUP_ALPHA = Field(
    name="mixup_alpha",
    type=float,
    default=1.0,
    gt=0.0,
    le=100.0,
    description="both parameters of the beta distribution of mixing shares (paper: alpha)",
)
GMM_THRESHOLD = Field(
    name="gmm_threshold",
    type=float,
    default=0.5,
    ge=0.0,
    lt=1.0,
    description="least probability in [0, 1) of being clean with which an example is kept",
)
VIEW_STRENGTH = Field(
    name="view_strength",
    type=float,
    default=0.1,
    ge=0.0,
    lt=1.0,
    description="how much a view is distorted: of pictures the share of RandAugment's range, of "
    "features the share that is set to 0",
)
UNLABELLED_WEIGHT = Field(
    name="unlabelled_weight",
    type=float,
    default=25.0,
    ge=0.0,
    le=1000.0,
    description="weight of the examples whose label is only guessed (paper: lambda_u)",
)
CONFIDENCE_PENALTY = Field(
    name="confidence_penalty",
    type=float,
    default=0.0,
    ge=0.0,
    le=10.0,
    description="weight of the predictions' negative entropy in the warm-up; the paper "
    "has 1 for asymmetric noise",
)
SOP_RATES = (
    Field(
        name="sop_lr_u",
        type=float,
        default=10.0,
        ge=0.0,
        le=1000.0,
        description="learning rate of the corrections at the label (paper: alpha_u)",
    ),
    Field(
        name="sop_lr_v",
        type=float,
        default=10.0,
        ge=0.0,
        le=10000.0,
        description="learning rate of the corrections at other classes (paper: alpha_v)",
    ),
)
CROSS_FOLDS = Field(
    name="cross_folds",
    type=int,
    default=2,
    ge=2,
    le=MAX_NETWORKS,
    per_replicate=False,
    description="networks of the first training, each of which leaves out another part",
)
FIRST_EPOCHS = Field(
    name="first_epochs",
    type=int,
    default=10,
    ge=1,
    le=MAX_EPOCHS,
    per_replicate=False,
    below="epochs",
    begins="first training",
    description="epochs of the first training, which finds wrong labels; then the networks start "
    "afresh",
)
