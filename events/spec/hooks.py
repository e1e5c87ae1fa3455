# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Event sources that are called: webhooks of anybody and of well-known senders."""

from pydantic import Field

from argosy.manifests.model import Model
from controller.spec.metadata import SecretKeySelector
from events.spec.connection import BasicAuth, EventSourceFilter, GithubAppCreds, TLSConfig, WebhookContext


class BitbucketAuth(Model):
    """How to sign in to Bitbucket: password or token."""

    basic: BasicAuth | None = None
    oauth_token: SecretKeySelector | None = None


class BitbucketRepository(Model):
    """A repository of Bitbucket."""

    owner: str = ""
    repository_slug: str = ""


class BitbucketEventSource(Model):
    """Webhooks of Bitbucket."""

    auth: BitbucketAuth | None = None
    delete_hook_on_finish: bool = False
    events: list[str] = []
    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    owner: str = ""
    project_key: str = ""
    repositories: list[BitbucketRepository] = []
    repository_slug: str = ""
    webhook: WebhookContext | None = None


class BitbucketServerRepository(Model):
    """A repository of a Bitbucket Server."""

    project_key: str = ""
    repository_slug: str = ""


class BitbucketServerEventSource(Model):
    """Webhooks of a Bitbucket Server."""

    access_token: SecretKeySelector | None = None
    bitbucketserver_base_url: str = Field("", alias="bitbucketserverBaseURL")
    check_interval: str = ""
    delete_hook_on_finish: bool = False
    events: list[str] = []
    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    one_event_per_change: bool = False
    project_key: str = ""
    projects: list[str] = []
    repositories: list[BitbucketServerRepository] = []
    repository_slug: str = ""
    skip_branch_refs_changed_on_open_pr: bool = Field(False, alias="skipBranchRefsChangedOnOpenPR")
    tls: TLSConfig | None = None
    webhook: WebhookContext | None = None
    webhook_secret: SecretKeySelector | None = None


class GerritEventSource(Model):
    """Webhooks of Gerrit."""

    auth: BasicAuth | None = None
    delete_hook_on_finish: bool = False
    events: list[str] = []
    filter: EventSourceFilter | None = None
    gerrit_base_url: str = Field("", alias="gerritBaseURL")
    hook_name: str = ""
    max_tries: int = 0
    metadata: dict[str, str] = {}
    projects: list[str] = []
    ssl_verify: bool = False
    webhook: WebhookContext | None = None


class OwnedRepositories(Model):
    """Repositories of one owner."""

    names: list[str] = []
    owner: str = ""


class GithubEventSource(Model):
    """Webhooks of GitHub."""

    active: bool = False
    api_token: SecretKeySelector | None = None
    content_type: str = ""
    delete_hook_on_finish: bool = False
    events: list[str] = []
    filter: EventSourceFilter | None = None
    github_app: GithubAppCreds | None = None
    github_base_url: str = Field("", alias="githubBaseURL")
    github_upload_url: str = Field("", alias="githubUploadURL")
    id: int = 0
    insecure: bool = False
    metadata: dict[str, str] = {}
    organizations: list[str] = []
    owner: str = ""
    repositories: list[OwnedRepositories] = []
    repository: str = ""
    webhook: WebhookContext | None = None
    webhook_secret: SecretKeySelector | None = None


class GitlabEventSource(Model):
    """Webhooks of GitLab."""

    access_token: SecretKeySelector | None = None
    delete_hook_on_finish: bool = False
    enable_ssl_verification: bool = Field(False, alias="enableSSLVerification")
    events: list[str] = []
    filter: EventSourceFilter | None = None
    gitlab_base_url: str = Field("", alias="gitlabBaseURL")
    groups: list[str] = []
    metadata: dict[str, str] = {}
    project_id: str = Field("", alias="projectID")
    projects: list[str] = []
    secret_token: SecretKeySelector | None = None
    webhook: WebhookContext | None = None


class SlackEventSource(Model):
    """Events, commands and buttons of Slack."""

    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    signing_secret: SecretKeySelector | None = None
    token: SecretKeySelector | None = None
    webhook: WebhookContext | None = None


class StripeEventSource(Model):
    """Webhooks of Stripe."""

    retired = {
        "namespace": "has no effect: Secrets are read from the EventSource's own namespace; remove it",
    }

    api_key: SecretKeySelector | None = None
    create_webhook: bool = False
    event_filter: list[str] = []
    metadata: dict[str, str] = {}
    webhook: WebhookContext | None = None


class WebhookEventSource(WebhookContext):
    """HTTP requests from anybody."""

    filter: EventSourceFilter | None = None
