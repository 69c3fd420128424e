#!/bin/sh
# Puts the release of Council that the repository's variables name upon the PATH of the steps that follow: by the digest of its
# wheel and without its dependencies, after those that `council ci` needs, which council.lock pins by theirs.
set -eu

: "${COUNCIL_VERSION:?is not set: make it a variable of the repository}"
if command -v council > /dev/null && [ "$(council --version)" = "council, version $COUNCIL_VERSION" ]; then
    echo "Council $COUNCIL_VERSION is here"
    exit 0
fi
: "${COUNCIL_SHA256:?is not set: make it a variable of the repository}"

here=$(dirname "$0")
folder="$RUNNER_TEMP/council"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --no-deps --require-hashes --only-binary :all: -r "$here/council.lock"
printf 'council-cloud==%s --hash=sha256:%s\n' "$COUNCIL_VERSION" "$COUNCIL_SHA256" > "$folder/release.txt"
"$folder/bin/pip" install --quiet --no-deps --require-hashes --only-binary :all: \
    ${COUNCIL_WHEELS:+--find-links "$COUNCIL_WHEELS"} -r "$folder/release.txt"
printf '%s\n' "$folder/bin" >> "$GITHUB_PATH"
