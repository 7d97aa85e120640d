#!/bin/sh
# Prints the path of a Python 3.10 that really runs (Rasa 3.6 needs it), or says what to install.
# A `python3.10` on the PATH may be a pyenv shim that fails, so each candidate is run to know.
works() { [ -n "$1" ] && "$1" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; }

for candidate in "$1" python3.10 /usr/bin/python3.10 \
    "$(pyenv root 2>/dev/null)"/versions/3.10.*/bin/python3.10 \
    "$HOME"/.pyenv/versions/3.10.*/bin/python3.10; do
    if works "$candidate"; then command -v "$candidate"; exit 0; fi
done
if command -v uv >/dev/null 2>&1; then
    found=$(uv python find 3.10 2>/dev/null || { uv python install 3.10 >&2 && uv python find 3.10; })
    if works "$found"; then echo "$found"; exit 0; fi
fi
cat >&2 <<'HELP'
Không tìm thấy Python 3.10, phiên bản mà Rasa cần. / No Python 3.10 was found; Rasa needs it.
  Ubuntu 22.04:   sudo apt install python3.10 python3.10-venv
  Other systems:  pyenv install 3.10      (https://github.com/pyenv/pyenv)
                  uv python install 3.10  (https://docs.astral.sh/uv)
  Or name one:    make RASA_PYTHON=/path/to/python3.10
HELP
exit 1
