#!/bin/sh
# Stands in for the image argoproj/argosay of Argo's examples: says, shows, waits or fails, as its first word tells.
set -eu
verb=${1:-echo}
[ $# -eq 0 ] || shift
case $verb in
    echo)
        text=${1-hello argo}
        if [ $# -gt 1 ]; then
            mkdir -p "$(dirname "$2")"
            printf '%s\n' "$text" > "$2"
        else
            printf '%s\n' "$text"
        fi
        ;;
    cat) exec cat "$@" ;;
    sleep) exec sleep "$@" ;;
    exit) exit "${1:-0}" ;;
    assert_contains)
        if ! grep -qF -- "$2" "$1"; then
            echo "$1 does not contain: $2" >&2
            exit 1
        fi
        ;;
    sh) exec sh "$@" ;;
    *)
        echo "argosay: '$verb' is none of echo, cat, sleep, exit, assert_contains, sh" >&2
        exit 1
        ;;
esac
