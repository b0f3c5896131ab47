#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ours beside PyTorch, OpenVINO and ONNX Runtime: inference_speed.py in a virtual environment of its own, made where it
# is missing or its requirements changed. PEERS_PYTHON names an interpreter that has them already.
# "scores" first: score_speed.py instead, beside pytorch-fid, torch-fidelity, open_clip, SciPy and torchmetrics.
# usage: harness/peers/peers.sh [scores] [OPTION OF inference_speed.py or score_speed.py]...
set -eu
cd "$(dirname "$0")/../.."
wanted=harness/peers/requirements.txt
venv=build/peers-venv
python=${PEERS_PYTHON:-$venv/bin/python}
if [ -z "${PEERS_PYTHON:-}" ] && ! cmp -s $wanted $venv/requirements.txt; then
    python3 -m venv $venv
    $python -m pip install --disable-pip-version-check -r $wanted >&2
    cp $wanted $venv/requirements.txt
fi
script=inference_speed
if [ "${1:-}" = scores ]; then
    script=score_speed
    shift
fi
exec "$python" harness/peers/$script.py "$@"
