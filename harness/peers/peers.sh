#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ours beside PyTorch, OpenVINO and ONNX Runtime: inference_speed.py in a virtual environment of its own, made where it
# is missing or its requirements changed. PEERS_PYTHON names an interpreter that has them already.
# "scores" first: score_speed.py instead, beside pytorch-fid, torch-fidelity, open_clip, SciPy and torchmetrics.
# "export" first: export_check.py instead, whether exported models open in diffusers and draw the same there.
# "arms" first: arm_check.py instead, whether diffusers as an arm of a suite draws what our own arm draws.
# "bench" first: bench_check.py instead, whether a run of real folders gives the original packages' FID, KID and CLIP on its images.
# usage: harness/peers/peers.sh [scores|export|arms|bench] [OPTION OF that script]...
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
case ${1:-} in
    scores) script=score_speed && shift ;;
    export) script=export_check && shift ;;
    arms) script=arm_check && shift ;;
    bench) script=bench_check && shift ;;
esac
exec "$python" harness/peers/$script.py "$@"
