#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image. It installs cifarlab, which is in the same zip file.
set -euo pipefail
ROOT=${AUTOGRADER:-/autograder}

for python in python3.13 python3.12 python3.11 python3; do
  if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    "$python" -m venv "$ROOT/venv"
    break
  fi
done
if [ ! -x "$ROOT/venv/bin/python" ]; then # the image's Python is too old
  python3 -m pip install --quiet uv || python3 -m pip install --quiet --break-system-packages uv
  python3 -m uv venv --seed --python 3.12 "$ROOT/venv"
fi
"$ROOT/venv/bin/python" -m pip install --quiet "$ROOT/source/cifarlab[grading]"
# The images of the exercises are drawn here once, not again for each submission.
for name in drawn street_digits; do
  CIFARLAB_DATA="$ROOT/data" "$ROOT/venv/bin/cifarlab" data "$name"
done
