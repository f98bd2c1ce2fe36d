# The environment of the engine easyocr's tests, .venv-easyocr; sourced by tests/prepare.sh from ./go, which gives say and
# base_python. torchvision and easyocr come without their needs: one asks for another build of torch, the other for
# opencv-python-headless, which would overwrite opencv-python.
easyocr_python=.venv-easyocr/bin/python
easyocr_wanted=$(sha256sum <tests/easyocr.sh)
if [ "$(cat .venv-easyocr/installed 2>/dev/null)" != "$easyocr_wanted" ]; then
    say "making .venv-easyocr"
    "$(base_python)" -m venv --clear .venv-easyocr
    easyocr_pip=("$easyocr_python" -m pip install --quiet --disable-pip-version-check)
    "${easyocr_pip[@]}" torch==2.13.0
    "${easyocr_pip[@]}" --no-deps torchvision==0.28.0 easyocr==1.7.2
    "${easyocr_pip[@]}" -c deploy/constraints.txt opencv-python numpy scipy scikit-image pillow PyYAML python-bidi \
        shapely pyclipper ninja onnx onnxruntime requests gpiozero tqdm pytest hypothesis
    echo "$easyocr_wanted" >.venv-easyocr/installed
fi
