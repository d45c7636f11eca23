"""Named texts, and the files of each. No TensorFlow.

`python-stdlib` needs no network: it is the source of modules of the running interpreter's standard library.
`tinyshakespeare` is downloaded once by pooch, checked by its digest, and kept.
"""

import os
import sysconfig
from collections.abc import Callable
from pathlib import Path

import platformdirs

from lstmzoo.errors import EnvironmentFailure, InputError, did_you_mean, shown

SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SHAKESPEARE_FILE = "tinyshakespeare.txt"
STDLIB = (  # noqa: SIM905  (a list of words) - there in every version from 3.10 to 3.13, and ASCII
    "abc argparse ast base64 bdb bisect bz2 calendar cmd code codecs collections/__init__ compileall configparser "
    "contextlib copy csv dataclasses difflib dis doctest enum filecmp fileinput fnmatch "
    "glob gzip html/parser http/client http/cookiejar http/server imaplib inspect ipaddress json/decoder "
    "json/encoder locale logging/__init__ logging/config logging/handlers lzma mailbox mimetypes netrc optparse os pdb "
    "platform plistlib poplib posixpath pprint profile pstats pyclbr queue random reprlib "
    "rlcompleter sched selectors shelve shutil smtplib socket socketserver string subprocess "
    "tabnanny tarfile tempfile textwrap threading timeit tokenize trace traceback types typing unittest/case "
    "unittest/mock urllib/request uuid warnings wave weakref xmlrpc/client"
).split()


def cache_root() -> Path:
    """Return the folder of downloaded and encoded texts: `LSTMZOO_CACHE`, or lstmzoo in the user's cache directory."""
    return Path(os.environ.get("LSTMZOO_CACHE") or platformdirs.user_cache_path("lstmzoo"))


def corpus_files(name: str) -> list[Path]:
    """Return the files of a named corpus, in order; download them where that is needed.

    Raises `InputError` for an unknown name, and `EnvironmentFailure`, which says what to do, for missing files.
    """
    if name not in CORPORA:
        raise InputError(f"corpus: expected a known one, received {shown(name)}{did_you_mean(name, CORPORA)}")
    return CORPORA[name]()


def fetch(url: str, sha256: str, name: str) -> Path:
    """Return a file of the cache; download it if it is not there yet, or has another digest.

    Raises `EnvironmentFailure` where it cannot be downloaded.
    """
    import pooch

    place = cache_root() / name
    pooch.get_logger().setLevel("ERROR")
    try:
        downloader = pooch.HTTPDownloader(timeout=30)
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=place.parent, downloader=downloader))
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; another digest is a ValueError
        reason = str(error).splitlines()[0][:200] + ("; the file there has another digest" if place.exists() else "")
        raise EnvironmentFailure(
            f"{name} could not be fetched from {url} ({reason}): "
            f"put the file (SHA-256 {sha256}) at {place} by hand, or name another text with task.text"
        ) from error


def _standard_library() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    files = [root / f"{module}.py" for module in STDLIB]
    files = [file if file.is_file() else file.with_suffix("") / "__init__.py" for file in files]  # a package since
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise EnvironmentFailure(
            f"corpus python-stdlib: expected the sources of Python's standard library in {root}, "
            f"received none of {missing[0].name}: name another text with task.text"
        )
    return files


def _tinyshakespeare() -> list[Path]:
    return [fetch(SHAKESPEARE_URL, SHAKESPEARE_SHA256, SHAKESPEARE_FILE)]


CORPORA: dict[str, Callable[[], list[Path]]] = {
    "python-stdlib": _standard_library,
    "tinyshakespeare": _tinyshakespeare,
}
