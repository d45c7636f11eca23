"""GPUs that a process may use, found without TensorFlow: a folder of files stands for the driver's."""

import pytest

from lstmzoo.system.machine import explain_device, explain_gpus

NO_GPU = "an NVIDIA driver is loaded, but it has no GPU that may be used here"
HIDDEN = "CUDA_VISIBLE_DEVICES={} hides every GPU"


@pytest.mark.parametrize(
    ("gpus", "listed", "names"),
    [
        (None, None, "no NVIDIA driver is loaded"),
        (None, "0", "no NVIDIA driver is loaded"),
        (0, None, NO_GPU),
        (0, "0", NO_GPU),
        (3, None, ["0", "1", "2"]),
        (3, "2,0", ["2", "0"]),
        (3, " 2 , 0 ", ["2", "0"]),
        (3, "1,7,0", ["1"]),  # as CUDA does: up to the first that there is not
        (3, "0,2,-1,1", ["0", "2"]),
        (3, "GPU-8932f937,GPU-d72c", ["GPU-8932f937", "GPU-d72c"]),
        (1, "MIG-5c89852c,MIG-16336020", ["MIG-5c89852c", "MIG-16336020"]),
        (3, "", HIDDEN),
        (3, "-1", HIDDEN),
        (3, "3", HIDDEN),
        (3, "none", HIDDEN),
        (3, "1,1", HIDDEN),
        (3, "x" * 100, HIDDEN),
    ],
)
def test_gpus_are_those_that_cuda_shows(driver, gpus, listed, names):
    driver(gpus, listed)
    found, why = explain_gpus()
    if isinstance(names, list):
        assert (found, why) == (names, "")
    else:
        assert (found, why) == ([], names.format((listed or "")[:60]))
        assert explain_device() == ("cpu", why)


def test_a_gpu_that_may_not_be_opened_is_none(driver, monkeypatch):
    driver(3)
    monkeypatch.setattr("os.access", lambda path, mode: path.name != "nvidia2")  # root may open every file
    assert explain_gpus() == (["0", "1"], "")
