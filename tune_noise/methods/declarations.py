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

_DECLARATIONS = (
    MethodDeclaration(
        name="standard",
        summary="the mean cross-entropy of all labels",
        implementation="tune_noise.methods.standard:Standard",
        learns_cross_entropy=True,
    ),
    MethodDeclaration(
        name="co_teaching",
        summary="each network learns from the examples of small loss that the others select",
        source="Han et al. 2018, arXiv:1804.06872",
        implementation="tune_noise.methods.co_teaching:CoTeaching",
        learns_cross_entropy=True,
        networks="peers",
        fields=(PEERS, *FORGETTING),
    ),
    MethodDeclaration(
        name="small_loss",
        summary="one network learns from the examples of small loss that it selects itself",
        source="Jiang et al. 2018, arXiv:1712.05055, self-paced, without a mentor network",
        implementation="tune_noise.methods.small_loss:SmallLoss",
        learns_cross_entropy=True,
        fields=FORGETTING,
    ),
    MethodDeclaration(
        name="jocor",
        summary="two networks learn by one joint loss that pulls their predictions together",
        source="Wei et al. 2020, arXiv:2003.02752",
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
        summary="a regulariser keeps predictions close to the earlier ones",
        source="Liu et al. 2020, arXiv:2007.00151",
        implementation="tune_noise.methods.elr:EarlyLearning",
        fields=EARLY_LEARNING,
    ),
    MethodDeclaration(
        name="gmm",
        summary="a mixture of two Gaussians over the losses tells which examples are kept",
        source="the selection of DivideMix, Li et al. 2020, arXiv:2002.07394, without MixMatch",
        implementation="tune_noise.methods.gmm:GaussianMixtureSelection",
        learns_cross_entropy=True,
        networks=2,
        cost=4 / 3,  # all examples are predicted before each epoch
        fields=(
            WARM_UP_EPOCHS,
            GMM_THRESHOLD,
        ),
    ),
    MethodDeclaration(
        name="co_teaching_plus",
        summary="co-teaching on the examples on which the two networks disagree",
        source="Yu et al. 2019, arXiv:1901.04215",
        implementation="tune_noise.methods.co_teaching_plus:CoTeachingPlus",
        learns_cross_entropy=True,
        networks=2,
        fields=(*FORGETTING, WARM_UP_EPOCHS.with_default(0)),
    ),
    MethodDeclaration(
        name="decoupling",
        summary="two networks learn only where they disagree",
        source="Malach and Shalev-Shwartz 2017, arXiv:1706.02613",
        implementation="tune_noise.methods.decoupling:Decoupling",
        learns_cross_entropy=True,
        networks=2,
    ),
    MethodDeclaration(
        name="forward",
        summary="the prediction passes through the noise transition matrix before it is compared",
        source="Patrini et al. 2017, arXiv:1609.03683",
        implementation="tune_noise.methods.forward_correction:ForwardCorrection",
        fields=(
            TRANSITION,
            WARM_UP_EPOCHS.with_default(10, by={"transition": {"known": 0}}),
        ),
        told_matrix={"transition": "known"},
    ),
    MethodDeclaration(
        name="gce",
        summary="generalised cross-entropy: between cross-entropy and mean absolute error",
        source="Zhang and Sabuncu 2018, arXiv:1805.07836",
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
        summary="symmetric cross-entropy: cross-entropy and its reverse, with log 0 = -4",
        source="Wang et al. 2019, arXiv:1908.06112",
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
        summary="part of the target is the class that the network predicts",
        source="Reed et al. 2015, arXiv:1412.6596",
        implementation="tune_noise.methods.bootstrap:BootstrapHard",
        fields=(BOOTSTRAP_BETA,),
    ),
    MethodDeclaration(
        name="bootstrap_soft",
        summary="part of the target is the probabilities that the network predicts",
        source="Reed et al. 2015, arXiv:1412.6596",
        implementation="tune_noise.methods.bootstrap:BootstrapSoft",
        fields=(BOOTSTRAP_BETA.with_default(0.95),),
    ),
    MethodDeclaration(
        name="label_smoothing",
        summary="a share of every label is spread evenly over all classes",
        source="Szegedy et al. 2016, arXiv:1512.00567",
        implementation="tune_noise.methods.smoothed:LabelSmoothing",
        learns_cross_entropy=True,
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
        summary="the expectation over h_alpha uniform labels beside each given one",
        source="Rolnick et al. 2017, arXiv:1705.10694",
        implementation="tune_noise.methods.smoothed:InfiniteBatch",
        learns_cross_entropy=True,
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
        summary="learns mixtures of two inputs, and of their labels in the same shares",
        source="Zhang et al. 2018, arXiv:1710.09412",
        implementation="tune_noise.methods.mixup:Mixup",
        fields=(MIXUP_ALPHA,),
    ),
    MethodDeclaration(
        name="standard_ensemble",
        summary="two independent networks; see `test_accuracy_clean_ensemble`",
        implementation="tune_noise.methods.standard:Standard",
        learns_cross_entropy=True,
        networks=2,
    ),
    MethodDeclaration(
        name="standard_long",
        summary="two passes per reported epoch: standard training at the compute of a pair",
        implementation="tune_noise.methods.standard:Standard",
        learns_cross_entropy=True,
        passes=2,
    ),
    MethodDeclaration(
        name="nce_rce",
        summary="normalised and reverse cross-entropy: an active and a passive loss",
        source="Ma et al. 2020, arXiv:2006.13554",
        implementation="tune_noise.methods.active_passive:ActivePassive",
        fields=(
            NCE_WEIGHT,
            Field(
                name="rce_weight",
                type=float,
                default=1.0,
                gt=0.0,
                le=100.0,
                description="weight of the reverse cross-entropy (paper: beta)",
            ),
        ),
    ),
    MethodDeclaration(
        name="agce",
        summary="asymmetric generalised cross-entropy: the gradient of a wrong label stays small",
        source="Zhou et al. 2021, arXiv:2106.03110",
        implementation="tune_noise.methods.active_passive:AsymmetricGeneralised",
        fields=(
            NCE_WEIGHT.with_default(0.0),
            Field(
                name="agce_a",
                type=float,
                default=0.6,
                gt=0.0,
                le=100.0,
                description="number added to the probability (paper: a)",
            ),
            Field(
                name="agce_q",
                type=float,
                default=0.6,
                gt=0.0,
                le=5.0,
                description="exponent (paper: q)",
            ),
        ),
    ),
    MethodDeclaration(
        name="anl",
        summary="normalised cross-entropy, and a normalised loss of naming any other class",
        source="Ye et al. 2023, arXiv:2412.02373",
        implementation="tune_noise.methods.active_passive:ActiveNegative",
        fields=(
            NCE_WEIGHT.with_default(5.0),
            Field(
                name="nnce_weight",
                type=float,
                default=5.0,
                gt=0.0,
                le=100.0,
                description="weight of the normalised negative loss (paper: beta)",
            ),
        ),
    ),
    MethodDeclaration(
        name="cores2",
        summary="rewards sure predictions, and drops examples whose label is then improbable",
        source="Cheng et al. 2021, arXiv:2010.02347, without consistency training",
        implementation="tune_noise.methods.cores2:ConfidenceRegularised",
        fields=(
            Field(
                name="cores_beta",
                type=float,
                default=2.0,
                ge=0.0,
                le=10.0,
                description="final weight of the confidence regulariser (paper: beta)",
            ),
            WARM_UP_EPOCHS,
            RAMP_EPOCHS.with_default(30),
        ),
    ),
    MethodDeclaration(
        name="sop",
        summary="learns for each example a sparse correction of its label",
        source="Liu et al. 2022, arXiv:2202.14026, without consistency and balance terms",
        implementation="tune_noise.methods.sop:OverParameterised",
        fields=SOP_RATES,
    ),
    MethodDeclaration(
        name="elr_plus",
        summary="elr with mixup, and the other network with averaged weights as a teacher",
        source="Liu et al. 2020, arXiv:2007.00151",
        implementation="tune_noise.methods.elr_plus:EarlyLearningPlus",
        networks=2,
        cost=4 / 3,  # the averaged network predicts each batch
        fields=(
            *EARLY_LEARNING,
            MIXUP_ALPHA,
            Field(
                name="teacher_decay",
                type=float,
                default=0.997,
                gt=0.0,
                lt=1.0,
                description="decay in (0, 1), per step, of the averaged weights that teach "
                "(paper: gamma)",
            ),
        ),
    ),
    MethodDeclaration(
        name="divide_mix",
        summary="labels that a mixture of losses finds wrong are guessed by two networks",
        source="Li et al. 2020, arXiv:2002.07394",
        implementation="tune_noise.methods.divide_mix:DivideMix",
        networks=2,
        cost=3.0,  # two views are learnt and predicted, and all examples before each epoch
        fields=(
            WARM_UP_EPOCHS,
            GMM_THRESHOLD,
            VIEW_STRENGTH,
            UNLABELLED_WEIGHT,
            CONFIDENCE_PENALTY,
        ),
    ),
    MethodDeclaration(
        name="sop_plus",
        summary="sop that learns to predict the same of a distorted view, and all classes as often",
        source="Liu et al. 2022, arXiv:2202.14026",
        implementation="tune_noise.methods.sop_plus:OverParameterisedPlus",
        cost=2.0,  # two views are learnt
        fields=(
            *SOP_RATES,
            VIEW_STRENGTH.with_default(0.3),
            Field(
                name="sop_consistency",
                type=float,
                default=0.9,
                ge=0.0,
                le=100.0,
                description="weight of the divergence between two views (paper: lambda_C)",
            ),
            Field(
                name="sop_balance",
                type=float,
                default=0.1,
                ge=0.0,
                le=100.0,
                description="weight of the mean prediction's distance from uniform (paper: "
                "lambda_B)",
            ),
        ),
    ),
    MethodDeclaration(
        name="pes",
        summary="stops layers one after another, then guesses the labels it does not predict",
        source="Bai et al. 2021, arXiv:2106.15853, PES(semi)",
        implementation="tune_noise.methods.pes:ProgressiveStopping",
        cost=3.0,  # two views are learnt and predicted, and all examples before each epoch
        fields=(
            WARM_UP_EPOCHS.with_default(20),
            Field(
                name="last_layer_epochs",
                type=int,
                default=5,
                ge=0,
                le=MAX_EPOCHS,
                below="epochs",
                begins="last layer",
                description="epochs after the warm-up in which a fresh last layer is trained alone "
                "(paper: T_2)",
            ),
            VIEW_STRENGTH,
            UNLABELLED_WEIGHT,
        ),
    ),
    MethodDeclaration(
        name="crowd_layer",
        summary="learns a matrix of weights for each annotator beside the network",
        source="Rodrigues and Pereira 2018, arXiv:1709.01779",
        implementation="tune_noise.methods.annotators:CrowdLayer",
        needs_answers=True,
    ),
    MethodDeclaration(
        name="union_net",
        summary="takes all answers to an example as one, and learns how the classes lead to them",
        source="Wei et al. 2022, doi:10.1109/TNNLS.2022.3168696",
        implementation="tune_noise.methods.annotators:UnionNet",
        needs_answers=True,
    ),
    MethodDeclaration(
        name="unicon",
        summary="divide_mix with as many labels of each class, learnt from strong views",
        source="Karim et al. 2022, arXiv:2203.14542, without its contrastive loss",
        implementation="tune_noise.methods.unicon:Unicon",
        networks=2,
        cost=3.0,  # two views are learnt and predicted, and all examples before each epoch
        fields=(
            WARM_UP_EPOCHS,
            VIEW_STRENGTH.with_default(0.3),
            UNLABELLED_WEIGHT.with_default(30.0),
            CONFIDENCE_PENALTY,
        ),
    ),
    MethodDeclaration(
        name="label_wave",
        summary="stops where the predictions of training examples change least",
        source="Yuan et al. 2024, arXiv:2502.07551",
        implementation="tune_noise.methods.label_wave:LabelWave",
        learns_cross_entropy=True,
        selects_by="train_prediction_changes",
        fields=(
            Field(
                name="wave_epochs",
                type=int,
                default=3,
                ge=1,
                le=100,
                description="epochs over which the changes are averaged (paper: k)",
            ),
        ),
    ),
    MethodDeclaration(
        name="prune",
        summary="finds wrong labels by cross-validation, drops them, and trains afresh",
        source="Northcutt et al. 2021, arXiv:1911.00068",
        implementation="tune_noise.methods.retraining:Prune",
        learns_cross_entropy=True,
        networks="cross_folds",
        restarts_after="first_epochs",
        fields=(CROSS_FOLDS, FIRST_EPOCHS),
    ),
    MethodDeclaration(
        name="relabel",
        summary="finds wrong labels by cross-validation, replaces them, and trains afresh",
        source="Northcutt et al. 2021, arXiv:1911.00068, for the labels that are found",
        implementation="tune_noise.methods.retraining:Relabel",
        learns_cross_entropy=True,
        networks="cross_folds",
        restarts_after="first_epochs",
        fields=(CROSS_FOLDS, FIRST_EPOCHS),
    ),
    MethodDeclaration(
        name="aum_prune",
        summary="drops the examples of smallest margin over a first training, and trains afresh",
        source="Pleiss et al. 2020, arXiv:2001.10528",
        implementation="tune_noise.methods.retraining:MarginPrune",
        learns_cross_entropy=True,
        restarts_after="first_epochs",
        fields=(TAU, FIRST_EPOCHS),
    ),
)
METHODS = {declaration.name: declaration for declaration in _DECLARATIONS}
