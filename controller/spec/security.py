# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""The users, rights and profiles that containers and pods run with."""

from argosy.manifests.model import Model


class AppArmorProfile(Model):
    """Which AppArmor profile a container runs under."""

    localhost_profile: str | None = None
    type: str | None = None


class SELinuxOptions(Model):
    """The SELinux label of a container."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class SeccompProfile(Model):
    """Which system calls a container may make."""

    localhost_profile: str | None = None
    type: str | None = None


class WindowsSecurityContextOptions(Model):
    """Security settings that only Windows nodes read."""

    gmsa_credential_spec: str | None = None
    gmsa_credential_spec_name: str | None = None
    host_process: bool | None = None
    run_as_user_name: str | None = None


class Capabilities(Model):
    """Linux capabilities added to or taken from a container."""

    add: list[str] = []
    drop: list[str] = []


class SecurityContext(Model):
    """The user, rights and profiles a container runs with."""

    allow_privilege_escalation: bool | None = None
    app_armor_profile: AppArmorProfile | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    proc_mount: str | None = None
    read_only_root_filesystem: bool | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    se_linux_options: SELinuxOptions | None = None
    seccomp_profile: SeccompProfile | None = None
    windows_options: WindowsSecurityContextOptions | None = None


class Sysctl(Model):
    """A kernel parameter of a pod."""

    name: str = ""
    value: str | None = None


class PodSecurityContext(Model):
    """The user, groups and profiles that all containers of a pod run with."""

    app_armor_profile: AppArmorProfile | None = None
    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    se_linux_change_policy: str | None = None
    se_linux_options: SELinuxOptions | None = None
    seccomp_profile: SeccompProfile | None = None
    supplemental_groups: list[int] = []
    supplemental_groups_policy: str | None = None
    sysctls: list[Sysctl] = []
    windows_options: WindowsSecurityContextOptions | None = None
