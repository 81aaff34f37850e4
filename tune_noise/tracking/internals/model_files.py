"""Where MLflow's registry has the files of a model."""


def find_model_files(model: str) -> str:
    """Return the URI of the files of a registered model, at the tracking URI that is set.

    Args:
        model: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.
    """
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

    return str(ModelsArtifactRepository(model).repo.artifact_uri)
