"""Videos that OpenCV gives no frame of, read by PyAV itself."""

import struct
from fractions import Fraction

import cv2
import numpy as np
import pytest

from bmp.prediction.videos import open_video

pytestmark = pytest.mark.interop

SIDE, RATE, NUM = 96, 12, 9


@pytest.fixture
def av():
    return pytest.importorskip("av")


@pytest.fixture
def without_opencv(monkeypatch):
    """OpenCV as it is where it was built without FFmpeg: it opens nothing."""
    nothing = cv2.VideoCapture()
    monkeypatch.setattr(cv2, "VideoCapture", lambda path: nothing)


def scene(n):
    """A bright square of 20 px that moves 5 px a frame, on the left of the upper half."""
    image = np.full((SIDE, SIDE, 3), 30, np.uint8)
    image[10:30, 10 + 5 * n : 30 + 5 * n] = 220
    return image


def write(av, path, codec="mpeg4", num_sounds=0):
    """The scene as a video; a packet of silence each two milliseconds before it."""
    with av.open(str(path), "w") as container:
        film = container.add_stream(codec, rate=RATE)
        film.width = film.height = SIDE
        film.pix_fmt = "yuv420p"
        if num_sounds:
            sound = container.add_stream("pcm_s16le", rate=8000)
            sound.layout = "mono"
        for n in range(num_sounds):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 16), np.int16), "s16", "mono")
            silence.sample_rate, silence.pts = 8000, 16 * n
            container.mux(sound.encode(silence))
        late = num_sounds * 16 // 8000 * RATE
        for n in range(NUM):
            frame = av.VideoFrame.from_ndarray(scene(n), format="bgr24")
            frame.pts, frame.time_base = late + n, Fraction(1, RATE)
            container.mux(film.encode(frame))
        container.mux(film.encode())
    return path


def left_edges(frames):
    return [int(np.flatnonzero(frame[20, :, 0] > 120)[0]) for frame in frames]


@pytest.mark.parametrize("codec", ["mpeg4", "libx264", "libvpx-vp9"])
def test_pyav_gives_the_frames_in_order(codec, av, without_opencv, tmp_path):
    info, frames = open_video(write(av, tmp_path / "film.mkv", codec))
    frames = list(frames)
    assert (info.rate, len(frames)) == (RATE, NUM)
    assert all(frame.shape == (SIDE, SIDE, 3) and frame.dtype == np.uint8 for frame in frames)
    # a pixel or two of blur by the codec
    np.testing.assert_allclose(left_edges(frames), [10 + 5 * n for n in range(NUM)], atol=2)
    np.testing.assert_allclose(frames[0], scene(0), atol=40)


def test_a_video_that_opencv_opens_without_finding_a_frame_is_read(av, tmp_path):
    path = write(av, tmp_path / "late.mkv", num_sounds=6000)
    capture = cv2.VideoCapture(str(path))
    if capture.read()[0]:
        pytest.skip("this OpenCV finds the frames behind 6000 packets of sound")
    assert capture.isOpened()
    info, frames = open_video(path)
    assert info.rate == RATE
    np.testing.assert_allclose(left_edges(frames), [10 + 5 * n for n in range(NUM)], atol=2)


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_a_video_of_a_turned_phone_is_upright_as_opencv_gives_it(turn, av, tmp_path, monkeypatch):
    path = write(av, tmp_path / "film.mp4")
    content = bytearray(path.read_bytes())
    # the matrix of the track's header: 52 bytes behind its name
    place = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (65536 * number for number in turn)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    by_opencv = next(open_video(path)[1])
    nothing = cv2.VideoCapture()
    monkeypatch.setattr(cv2, "VideoCapture", lambda path: nothing)
    by_pyav = next(open_video(path)[1])
    assert not np.allclose(by_opencv, scene(0), atol=60)  # it is turned
    np.testing.assert_allclose(by_pyav, by_opencv, atol=3)


def test_a_film_that_is_cut_off_ends_there(av, without_opencv, tmp_path, caplog):
    path = write(av, tmp_path / "film.avi", "rawvideo")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    frames = list(open_video(path)[1])
    assert 0 < len(frames) < NUM
    assert "film.avi ends early, as it is damaged" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no video", b"\x1aE\xdf\xa3 no video"])
def test_what_neither_can_read_is_one_line(content, av, tmp_path):
    path = tmp_path / "broken.mkv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.mkv is no video that OpenCV or PyAV") as told:
        open_video(path)
    assert "\n" not in str(told.value)


def test_sound_alone_is_no_video(av, tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 160), np.int16), "s16", "mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
    with pytest.raises(ValueError, match=r"sound\.mkv is no video"):
        open_video(path)
