"""WAV: read and written as the standard library's `wave` and `struct` do; and what is none, in one message."""

import struct
import wave

import numpy as np
import pytest

from lstmzoo.data import table_writers
from lstmzoo.data.columns import Sound
from lstmzoo.data.table_writers import wav_writer
from lstmzoo.data.tables import open_table
from lstmzoo.data.wav import FORMS
from lstmzoo.errors import InputError

RATE = 44_100
INTEGERS = {"uint8": 1, "int16": 2, "int24": 3, "int32": 4}  # bytes
EDGES = {
    "uint8": [0, 1, 127, 128, 255],
    **{
        form: [-(2 ** (8 * size - 1)), -1, 0, 1, 2 ** (8 * size - 1) - 1] for form, size in INTEGERS.items() if size > 1
    },
}


def integers(form, channels):
    """Frames `[n, channels]` as the file has them: the extreme ones first."""
    low, high = min(EDGES[form]), max(EDGES[form])
    some = np.random.default_rng(0).integers(low, high, 7 * channels, endpoint=True)
    return np.array([*EDGES[form] * channels, *some]).reshape(-1, channels)


def as_bytes(numbers, form):
    size = INTEGERS[form]
    return b"".join(int(number).to_bytes(size, "little", signed=size > 1) for number in numbers.ravel())


def scaled(numbers, form):
    half = 2 ** (8 * INTEGERS[form] - 1)
    return (numbers - half * (form == "uint8")) / half


def wrote(path, numbers, form, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(numbers.shape[1])
        file.setsampwidth(INTEGERS[form])
        file.setframerate(rate)
        file.writeframes(as_bytes(numbers, form))
    return path


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("form", INTEGERS)
def test_integers_are_those_of_the_wave_module(tmp_path, form, channels):
    """Both ways, exactly, with an odd number of bytes too."""
    numbers = integers(form, channels)
    (found,) = open_table(wrote(tmp_path / "a.wav", numbers, form))
    assert (found.sound, found.names) == (Sound(RATE, form), tuple(map(str, range(channels))))
    np.testing.assert_array_equal(found.read(), scaled(numbers, form))
    np.testing.assert_array_equal(found.read([channels - 1], 3, 2), scaled(numbers, form)[3:5, -1:])
    assert found.read().dtype == (float if form == "int32" else np.float32)
    with wav_writer(tmp_path / "b.wav", found.sound, channels, pytest.fail) as write:
        write(found.read(None, 0, 2))
        write(found.read(None, 2))
    with wave.open(str(tmp_path / "b.wav")) as file:
        assert file.getparams()[:4] == (channels, INTEGERS[form], RATE, len(numbers))
        assert file.readframes(len(numbers)) == as_bytes(numbers, form)
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def riff(*chunks):
    content = b"".join(name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for name, part in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WAVE" + content


def form_chunk(kind=1, channels=1, rate=RATE, bits=16, more=b"", width=None):
    width = channels * bits // 8 if width is None else width
    return b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits) + more


def extensible(kind, bits, channels=1):
    """A subformat's name is its number, and 14 bytes that are always the same."""
    name = struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
    return form_chunk(0xFFFE, channels, bits=bits, more=struct.pack("<HHI", 22, bits, 3) + name)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("form", "code"), [("float32", "f"), ("float64", "d")])
def test_floats_are_those_of_struct(tmp_path, form, code, channels):
    numbers = np.random.default_rng(0).normal(size=(5, channels)).astype(form)
    content = struct.pack(f"<{numbers.size}{code}", *numbers.ravel())
    (tmp_path / "a.wav").write_bytes(riff(form_chunk(3, channels, bits=8 * numbers.itemsize), (b"data", content)))
    (found,) = open_table(tmp_path / "a.wav")
    np.testing.assert_array_equal(found.read(), numbers)
    assert (found.sound, found.read().dtype) == (Sound(RATE, form), numbers.dtype)
    with wav_writer(tmp_path / "b.wav", found.sound, channels, pytest.fail) as write:
        write(numbers)
    fact = struct.pack("<I", 5)
    head = form_chunk(3, channels, bits=8 * numbers.itemsize, more=b"\0\0")
    assert (tmp_path / "b.wav").read_bytes() == riff(head, (b"fact", fact), (b"data", content))


CHUNKS = {
    "extensible integers": [extensible(1, 16), (b"data", b"\0\x40")],
    "extensible floats": [extensible(3, 32), (b"data", struct.pack("<f", 0.5))],
    "other chunks between": [
        (b"LIST", b"odd"),
        form_chunk(),
        (b"junk", b"x" * 9),
        (b"data", b"\0\x40"),
        (b"id3 ", b"z"),
    ],
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_of_many_programs(tmp_path, name):
    (tmp_path / "a.wav").write_bytes(riff(*CHUNKS[name]))
    (found,) = open_table(tmp_path / "a.wav")
    np.testing.assert_array_equal(found.read(), [[0.5]])


DATA = (b"data", b"\0\x40" * 9)
NO_SOUND = {
    "MP3 in a WAV": (riff(form_chunk(0x55), DATA), "floats of 32 or 64, received format 0x0055 with 16 bits, 1 channels at 44,100 Hz: write it again .ffmpeg"),
    "12 bits": (riff(form_chunk(bits=12), DATA), "received format 0x0001 with 12 bits"),
    "24 bits in 32": (riff(form_chunk(bits=24, width=4), DATA), "received format 0x0001 with 24 bits"),
    "no channels": (riff(form_chunk(channels=0), DATA), "received .* 0 channels"),
    "no rate": (riff(form_chunk(rate=0), DATA), "received .* at 0 Hz"),
    "no format": (riff(DATA), "received one that was cut"),
    "no samples": (riff(form_chunk(), (b"data", b"")), "expected rows of numbers, received none"),
    "no data": (riff(form_chunk()), "received one that was cut"),
    "cut samples": (riff(form_chunk(), DATA)[:-3], r"expected 18 bytes of samples .frames of 2., received 15: the file was cut"),
    "half a frame": (riff(form_chunk(channels=2), (b"data", b"\0" * 6)), "expected 6 bytes of samples .frames of 4., received 6"),
    "written to a pipe": (riff(form_chunk(), DATA).replace(b"data\x12\0\0\0", b"data\xff\xff\xff\xff"), "expected 4,294,967,295 bytes of samples .*or written to a pipe"),
    "a cut head": (riff(form_chunk(), DATA)[:30], "received one that was cut"),
    "big ends first": (b"RIFX" + riff(form_chunk(), DATA)[4:], "expected RIFF WAVE, received 'RIFX WAVE'"),
    "64 bits of size": (b"RF64" + riff(form_chunk(), DATA)[4:], "expected RIFF WAVE, received 'RF64 WAVE'"),
    "a film": (riff(form_chunk(), DATA).replace(b"WAVE", b"AVI "), "received 'RIFF AVI '"),
    "infinity": (riff(form_chunk(3, bits=32), (b"data", struct.pack("<3f", 0, 1, np.inf))), "row 3, column 0: expected a finite number, received inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_SOUND)
def test_what_no_wav_file_is(tmp_path, name):
    content, message = NO_SOUND[name]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=rf"a.wav: .*{message}"):
        open_table(tmp_path / "a.wav")[0].read()


def test_files_side_by_side_and_in_a_list_have_one_rate(tmp_path):
    numbers = integers("int16", 1)
    dry, wet = (wrote(tmp_path / f"{name}.wav", numbers, "int16") for name in ("dry", "wet"))
    slow = wrote(tmp_path / "slow.wav", numbers, "int16", 48_000)
    short = wrote(tmp_path / "short.wav", numbers[1:], "int16")
    stereo = wrote(tmp_path / "stereo.wav", np.tile(numbers, (1, 2)), "int16")
    (beside,) = open_table({"dry": dry, "wet": stereo})
    assert (beside.names, beside.sound) == (("dry", "wet.0", "wet.1"), Sound(RATE, "int16"))
    np.testing.assert_array_equal(beside.read(["wet.1", "dry"]), np.tile(scaled(numbers, "int16"), (1, 2)))
    assert len(open_table([{"dry": dry, "wet": wet}, {"dry": wet, "wet": dry}])) == 2
    for source in ({"dry": dry, "wet": slow}, [dry, slow], [{"dry": dry}, {"dry": slow}]):
        with pytest.raises(
            InputError, match=r"slow.wav: expected 44,100 Hz as .*dry.wav has, received 48,000 Hz: resample .*-ar 44100"
        ):
            open_table(source)
    with pytest.raises(InputError, match="short.wav: expected 12 rows as .*dry.wav has beside it, received 11: cut or"):
        open_table({"dry": dry, "wet": short})


@pytest.mark.parametrize("form", FORMS)
def test_what_is_beyond_the_range_is_clipped_and_said(tmp_path, form):
    said, values = [], np.array([[1.5, -1.5], [1, -1], [np.nan, 0.25]])
    with wav_writer(tmp_path / "a.wav", Sound(RATE, form), 2, said.append) as write:
        write(values)
    (found,) = open_table(tmp_path / "a.wav")
    most = 1.5 if form.startswith("f") else scaled(max(EDGES[form]), form)
    np.testing.assert_array_equal(found.read(), [[most, -1.5 if most > 1 else -1], [min(most, 1), -1], [0, 0.25]])
    line = f"warning: {tmp_path}/a.wav: 2 samples beyond -1..1 were clipped (float32 would keep them)"
    assert said == ([] if form.startswith("f") else [line])


def test_a_wav_file_has_at_most_4_gb(tmp_path, monkeypatch):
    monkeypatch.setattr(table_writers, "MOST", 10)
    with (
        pytest.raises(InputError, match="a.wav: expected at most 10 bytes of samples in a WAV file, received more"),
        wav_writer(tmp_path / "a.wav", Sound(RATE, "int16"), 1, pytest.fail) as write,
    ):
        write(np.zeros((6, 1)))
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(InputError, match="expected a form of samples, received 'int61'; did you mean int16"),
        wav_writer(tmp_path / "a.wav", Sound(RATE, "int61"), 1, pytest.fail),
    ):
        pass
