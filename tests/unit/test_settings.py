"""The settings file and the environment, and what a person is told about mistakes in them."""

from pathlib import Path

import pytest

from argosy.errors import SpecError
from argosy.settings import Environment, Settings, find_settings, load_settings, read_environment


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_without_a_file_everything_has_its_default() -> None:
    assert load_settings(None) == Settings()


def test_proxies_are_named_in_capitals_or_small_and_their_passwords_are_not_printed() -> None:
    environment = read_environment(
        {"https_proxy": "http://me:hush@a:1", "HTTP_PROXY": "b:1", "http_proxy": "c:1", "NO_PROXY": "*"})
    assert (environment.https_proxy, environment.http_proxy, environment.no_proxy) == ("http://me:hush@a:1", "b:1", "*")
    assert "hush" not in repr(environment)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "# nothing yet\n")) == Settings()


def test_a_stand_in_is_found_beside_the_settings_file(tmp_path: Path) -> None:
    text = "images:\n- {pattern: 'acme/*', entrypoint: [/tool], root: ./stand-ins, env: {LEVEL: 3}}\nmost_pods: 7\n"
    settings = load_settings(written(tmp_path, text))
    assert settings.most_pods == 7
    assert settings.images[0].entrypoint == ("/tool",)
    assert settings.images[0].root == tmp_path / "stand-ins"
    assert settings.images[0].env == {"LEVEL": "3"}


@pytest.mark.parametrize(("text", "told"), [
    ("most_pots: 3", "most_pots: is no setting; there are: images, insecure_registries, isolation, most_pods, webhook_port"),
    ("most_pods: many", "most_pods: is 'many'; write a whole number"),
    ("isolation: jail", "isolation: is 'jail'; write auto, namespaces or plain"),
    ("images: {}", "images: must be a list of entries with `pattern:`"),
    ("images: [{entrypoint: [x]}]", 'images[0]: needs a `pattern:`, such as "alpine/git:*"'),
    ("images: [{pattern: x, entrypoint: run}]", "images[0].entrypoint: is 'run'; write a list of words, such as [sh, -c]"),
    ("images: [{pattern: x, entry: [run]}]",
     "images[0].entry: is unknown; an image has pattern, entrypoint, command, root, env"),
    ("- a list", "settings: must be a mapping such as `most_pods: 200`"),
])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        load_settings(written(tmp_path, text))
    assert str(error.value).endswith(told)
    assert str(error.value).startswith(str(tmp_path))


def test_a_named_file_wins_over_the_variable_and_the_folder(tmp_path: Path) -> None:
    own = written(tmp_path, "most_pods: 1")
    environment = Environment(settings="/elsewhere.yaml")
    assert find_settings(Path("/named.yaml"), tmp_path, environment) == Path("/named.yaml")
    assert find_settings(None, tmp_path, environment) == Path("/elsewhere.yaml")
    assert find_settings(None, tmp_path, Environment()) == own
    assert find_settings(None, None, Environment()) is None


def test_the_environment_is_read_once_and_names_argos_variable_too() -> None:
    environment = read_environment({"ARGO_NAMESPACE": "argo", "HOME": "/home/me", "ARGOSY_DEBUG": "1"})
    assert environment.namespace == "argo"
    assert environment.data_folder == Path("/home/me/.argosy")
    assert environment.debug
