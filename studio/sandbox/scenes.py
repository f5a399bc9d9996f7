"""Small moving paintings, drawn with numpy at low resolution: one function a scene, each a pure function of its palette, its dice and the time.

A scene is given a `Canvas` and returns a function from seconds to a picture: float32, height x width x 3, 0 to 255. The prompt's words choose the
scene where they name one; its hash chooses everything else, so that two prompts never look alike and one prompt always looks the same.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Painting = Callable[[float], Floats]
Colour = tuple[int, int, int]

STARS = 0.0024  # share of the sky's pixels
SHADE = 0.34  # how much darker the corners are


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a scene is drawn on: the size, coordinates from 0 to 1, five colours from dark to light, and dice of its own."""

    width: int
    height: int
    colours: Floats
    dice: np.random.Generator

    @property
    def x(self) -> Floats:
        """One row, 0 at the left to 1 at the right."""
        return np.linspace(0, 1, self.width, dtype=np.float32)[None, :]

    @property
    def y(self) -> Floats:
        """One column, 0 at the top to 1 at the bottom."""
        return np.linspace(0, 1, self.height, dtype=np.float32)[:, None]

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


# Dark to light; chosen by hand so that no draw of the dice is ugly.
PALETTES: dict[str, tuple[tuple[Colour, ...], ...]] = {
    "sea": (
        ((12, 24, 48), (38, 60, 98), (156, 96, 110), (244, 158, 106), (255, 232, 190)),
        ((6, 30, 40), (18, 78, 92), (84, 140, 140), (232, 190, 140), (255, 244, 220)),
        ((22, 16, 44), (64, 40, 92), (150, 70, 120), (246, 132, 120), (255, 220, 186)),
    ),
    "dunes": (
        ((52, 24, 22), (118, 58, 40), (190, 108, 66), (236, 172, 112), (255, 230, 188)),
        ((36, 26, 46), (92, 58, 82), (164, 98, 98), (226, 158, 126), (250, 220, 190)),
        ((46, 34, 24), (110, 82, 52), (176, 140, 92), (220, 194, 146), (246, 234, 206)),
    ),
    "aurora": (
        ((4, 8, 20), (10, 24, 46), (24, 110, 96), (92, 230, 160), (214, 255, 228)),
        ((6, 6, 22), (22, 18, 58), (88, 46, 140), (84, 208, 196), (236, 224, 255)),
        ((4, 10, 18), (12, 36, 54), (30, 92, 140), (110, 214, 240), (230, 250, 255)),
    ),
    "city": (
        ((8, 8, 18), (26, 22, 52), (220, 72, 120), (255, 170, 84), (120, 210, 255)),
        ((6, 10, 16), (16, 36, 50), (40, 160, 190), (255, 120, 90), (255, 226, 160)),
        ((12, 6, 16), (46, 16, 48), (236, 92, 60), (255, 196, 90), (190, 130, 255)),
    ),
    "clouds": (
        ((58, 92, 148), (104, 146, 198), (168, 196, 226), (226, 230, 238), (255, 250, 242)),
        ((70, 54, 104), (142, 96, 142), (222, 142, 150), (250, 200, 176), (255, 240, 222)),
        ((38, 62, 78), (82, 118, 132), (148, 178, 182), (212, 222, 214), (250, 248, 236)),
    ),
    "ink": (
        ((10, 14, 32), (28, 52, 104), (60, 130, 170), (214, 166, 120), (250, 238, 220)),
        ((24, 10, 30), (96, 24, 72), (200, 60, 84), (250, 150, 90), (255, 236, 200)),
        ((8, 24, 24), (16, 76, 72), (68, 150, 120), (214, 206, 128), (250, 246, 222)),
    ),
}

WORDS = {
    "sea": ("sea", "ocean", "wave", "beach", "coast", "tide", "water", "boat", "island", "lake"),
    "dunes": ("desert", "dune", "sand", "canyon", "mountain", "hill", "savanna", "mars"),
    "aurora": ("aurora", "night", "star", "snow", "ice", "arctic", "galaxy", "moon", "forest"),
    "city": ("city", "street", "neon", "traffic", "tokyo", "window", "rain", "market", "car", "bar"),
    "clouds": ("cloud", "sky", "bird", "fly", "flight", "morning", "mist", "fog", "balloon"),
    "ink": ("ink", "paint", "smoke", "silk", "abstract", "liquid", "dance", "music"),
}


def paint(prompt: str, width: int, height: int, *, take: int = 0) -> Painting:
    """The painting of this prompt, with vignette and grain, at this size. `take` gives another one of the same prompt."""
    seed = hashlib.sha256(f"{prompt}\x00{take}".encode(errors="replace")).digest()
    dice = np.random.default_rng(int.from_bytes(seed[:8], "big"))
    name = _named(prompt) or list(SCENES)[int(dice.integers(len(SCENES)))]
    palettes = PALETTES[name]
    colours = np.array(palettes[int(dice.integers(len(palettes)))], dtype=np.float32)
    canvas = Canvas(width, height, np.clip(colours * dice.uniform(0.9, 1.08, (1, 3)), 0, 255).astype(np.float32), dice)
    return _finished(SCENES[name](canvas), canvas)


def _named(prompt: str) -> str | None:
    """The scene that the prompt's words name most often."""
    words = [word.strip(".,;:!?\"'()").lower() for word in prompt.split()]
    counts = {name: sum(word.startswith(start) for word in words for start in starts) for name, starts in WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def _finished(painting: Painting, canvas: Canvas) -> Painting:
    """The painting under a soft vignette, with a little film grain that also hides the steps of dark gradients."""
    far = (canvas.x - 0.5) ** 2 + (canvas.y - 0.5) ** 2
    vignette = (1 - SHADE * np.clip(far * 2, 0, 1) ** 1.2)[..., None].astype(np.float32)
    grain = [canvas.dice.normal(0, 1.6, (canvas.height, canvas.width, 1)).astype(np.float32) for _ in range(6)]

    def finished(t: float) -> Floats:
        drawn: Floats = painting(t) * vignette + grain[int(t * 24) % len(grain)]
        return drawn

    return finished


def gradient(colours: Floats, at: Floats) -> Floats:
    """The colour at each place, 0 (first) to 1 (last), mixed between neighbours."""
    steps = np.linspace(0, 1, len(colours), dtype=np.float32)
    return np.stack([np.interp(at, steps, colours[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)


def mix(below: Floats, above: Floats, cover: Floats) -> Floats:
    """`above` over `below`, where cover (height x width) is 1."""
    return below + (above - below) * cover[..., None]


def smooth(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, an S between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    drawn: Floats = share * share * (3 - 2 * share)
    return drawn


def noise(dice: np.random.Generator, width: int, height: int, *, octaves: int = 4) -> Floats:
    """Soft cloudy noise, 0 to 1, that wraps around at every edge."""
    spectrum = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        cells = 5 * 2**octave
        coarse = dice.random((cells, cells)).astype(np.float32)
        spectrum += _wrapped(coarse, width, height) / 2**octave
    spectrum -= spectrum.min()
    drawn: Floats = spectrum / spectrum.max()
    return drawn


def _wrapped(coarse: Floats, width: int, height: int) -> Floats:
    """A coarse grid, enlarged smoothly, whose right edge meets its left one."""
    cells = len(coarse)

    def along(size: int) -> tuple[Any, Any, Floats]:
        at = np.arange(size, dtype=np.float32) * cells / size
        first = at.astype(int)
        share = at - first
        return first % cells, (first + 1) % cells, share * share * (3 - 2 * share)

    left, right, across = along(width)
    up, down, along_y = along(height)
    rows = coarse[:, left] * (1 - across) + coarse[:, right] * across
    drawn: Floats = rows[up] * (1 - along_y[:, None]) + rows[down] * along_y[:, None]
    return drawn


def drift(texture: Floats, dx: float, dy: float, *, width: int, height: int) -> Floats:
    """A window onto a wrapping texture, moved by fractions of a pixel so that slow movement does not stutter."""
    rows = (np.arange(height + 1) + math.floor(dy)) % texture.shape[0]
    columns = (np.arange(width + 1) + math.floor(dx)) % texture.shape[1]
    fx, fy = dx - math.floor(dx), dy - math.floor(dy)
    part = texture[rows][:, columns]
    part = part[:-1] * (1 - fy) + part[1:] * fy
    drawn: Floats = part[:, :-1] * (1 - fx) + part[:, 1:] * fx
    return drawn


def sea(canvas: Canvas) -> Painting:
    """A low sun over water, and its glitter."""
    x, y, dice = canvas.x, canvas.y, canvas.dice
    horizon, sun_x = dice.uniform(0.46, 0.6), dice.uniform(0.3, 0.7)
    sky = gradient(canvas.colours[1:], np.broadcast_to(np.clip(y / horizon, 0, 1) ** 1.6, (canvas.height, canvas.width)))
    depth = np.clip((y - horizon) / (1 - horizon), 1e-3, 1)
    water = gradient(canvas.colours[[3, 2, 1, 0]], np.broadcast_to(depth**0.7, (canvas.height, canvas.width)))
    near = 1 / (depth + 0.06)
    is_water = smooth(0, 0.006, y - horizon) * np.ones_like(x)
    swell = dice.uniform(0.8, 1.3)
    light = canvas.colours[4]

    def painting(t: float) -> Floats:
        centre = sun_x + 0.012 * t / 3
        rise = horizon - 0.13 - 0.004 * t
        away = np.hypot((x - centre) * canvas.aspect, y - rise)
        glow = np.exp(-away * 5.5)[..., None] * 0.75 + smooth(0.075, 0.068, away)[..., None]
        ripples = np.sin(near * 9 * swell + t * 1.7 + 3 * np.sin(x * 5 + t * 0.4)) + np.sin(near * 17 - t * 2.3 + (x - centre) * near * 9)
        column = np.exp(-((((x - centre) * canvas.aspect) / (0.05 + 0.24 * depth)) ** 2))
        glitter = np.clip(ripples * 0.5, 0, 1) ** 2 * column * 0.9
        shaded = water * (1 + 0.1 * ripples[..., None] * (1 - depth[..., None] * 0.4)) + light * glitter[..., None]
        return mix(sky + (light - sky) * np.clip(glow, 0, 1), shaded, is_water)

    return painting


def dunes(canvas: Canvas) -> Painting:
    """Ridge behind ridge in warm haze, passing at different speeds."""
    x, y, dice = canvas.x, canvas.y, canvas.dice
    sky = gradient(canvas.colours[[2, 3, 4]], np.broadcast_to(np.clip(y * 1.9, 0, 1), (canvas.height, canvas.width)))
    sun_x, sun_y = dice.uniform(0.25, 0.75), dice.uniform(0.16, 0.3)
    sun = np.hypot((x - sun_x) * canvas.aspect, y - sun_y)
    sky = sky + (canvas.colours[4] + 20 - sky) * np.clip(np.exp(-sun * 4) * 0.6 + smooth(0.07, 0.062, sun), 0, 1)[..., None]
    ridges = [(dice.uniform(0, 9, 3), dice.uniform(1.2, 2.4), 0.4 + 0.13 * layer, 0.05 + 0.016 * layer) for layer in range(5)]
    tones = gradient(canvas.colours[[3, 2, 1, 0]], np.linspace(0.05, 1, 5, dtype=np.float32))

    def painting(t: float) -> Floats:
        picture = sky
        for layer, ((a, b, c), waves, base, height) in enumerate(ridges):
            along = x * canvas.aspect * 0.7 + t * 0.008 * (1 + layer * 1.3)
            crest = base - height * (np.sin(along * waves * 2 + a) + 0.5 * np.sin(along * waves * 4.3 + b) + 0.16 * np.sin(along * 19 + c))
            below = y - crest
            shade = tones[layer] * (1.1 - 0.5 * np.clip(below * 2.2, 0, 1))[..., None]
            picture = mix(picture, shade, np.clip(below * canvas.height, 0, 1))
        drawn: Floats = picture
        return drawn

    return painting


def aurora(canvas: Canvas) -> Painting:
    """Curtains of light over a dark ridge, with stars."""
    x, y, dice = canvas.x, canvas.y, canvas.dice
    size = (canvas.height, canvas.width)
    sky = gradient(canvas.colours[[0, 1]], np.broadcast_to(y, size))
    stars = (dice.random(size) < STARS) * dice.uniform(40, 210, size) * (1 - y * 0.8)
    twinkle = dice.uniform(0, 6.3, size).astype(np.float32)
    curtains = [(dice.uniform(0, 6.3, 3), 0.3 + 0.12 * number, canvas.colours[2 + number]) for number in range(3)]
    base = 0.84 + 0.05 * np.sin(x * 7 + dice.uniform(0, 6)) + 0.03 * np.sin(x * 17 + dice.uniform(0, 6)) + 0.008 * np.sin(x * 61)
    ridge = np.clip((y - base) * canvas.height, 0, 1)

    def painting(t: float) -> Floats:
        picture = sky + (stars * (0.75 + 0.25 * np.sin(twinkle + t * 2)))[..., None].astype(np.float32)
        for (a, b, c), middle, colour in curtains:
            hem = middle + 0.09 * np.sin(x * 3.1 + a + t * 0.23) + 0.05 * np.sin(x * 7.3 + b - t * 0.31)
            rays = 0.62 + 0.38 * np.sin(x * 34 + 5 * np.sin(x * 4 + t * 0.2 + c) + t * 0.6)
            above = hem - y
            veil = np.where(above > 0, np.exp(-above * 5.5), np.exp(above * 42)) * rays
            picture = picture + colour * (0.62 * veil)[..., None]
        return mix(picture, canvas.colours[0] * 0.5, ridge)

    return painting


def city(canvas: Canvas) -> Painting:
    """Lights out of focus behind wet glass."""
    x, y, dice = canvas.x, canvas.y, canvas.dice
    size = (canvas.height, canvas.width)
    backdrop = (
        gradient(canvas.colours[[0, 1, 0]], np.broadcast_to(y, size))
        + canvas.colours[2] * (0.22 * np.exp(-(((y - 0.62) / 0.16) ** 2)) * np.ones_like(x))[..., None]
    )
    unit = min(size)
    discs = [_disc(int(unit * dice.uniform(0.03, 0.12))) for _ in range(46)]
    places = dice.uniform(-0.1, 1.1, (46, 2))
    places[:, 1] = 0.58 + (places[:, 1] - 0.5) * 0.62
    tints = canvas.colours[dice.integers(2, 5, 46)]
    beat = dice.uniform(0, 6.3, 46)

    def painting(t: float) -> Floats:
        picture = backdrop.copy()
        for disc, place, tint, phase in zip(discs, places, tints, beat, strict=True):
            radius = len(disc) // 2
            across = (place[0] + t * 0.0011 * radius / unit * 90) % 1.3 - 0.15
            strength = 0.34 + 0.14 * math.sin(phase + t * 0.9)
            _add(picture, disc, across * canvas.width - radius, place[1] * canvas.height - radius + 2 * math.sin(phase + t * 0.5), tint * strength)
        drawn: Floats = picture
        return drawn

    return painting


def _disc(radius: int) -> Floats:
    """A soft round light with a slightly brighter rim, and room for half a pixel around it."""
    reach = radius + 3
    at = np.arange(-reach, reach + 1, dtype=np.float32)
    far = np.hypot(at[:, None], at[None, :]) / max(radius, 1)
    drawn: Floats = (np.clip((1.06 - far) * radius * 0.5, 0, 1) * (0.72 + 0.28 * np.clip(far, 0, 1) ** 4)).astype(np.float32)
    return drawn


def _add(picture: Floats, disc: Floats, left: float, top: float, tint: Floats) -> None:
    """Add a light at a place between pixels; what lies outside is left out."""
    fx, fy = left - math.floor(left), top - math.floor(top)
    moved = disc * (1 - fx)
    moved[:, 1:] += disc[:, :-1] * fx
    lower = moved * (1 - fy)
    lower[1:] += moved[:-1] * fy
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = max(x0, 0), max(y0, 0)
    x2, y2 = min(x0 + disc.shape[1], picture.shape[1]), min(y0 + disc.shape[0], picture.shape[0])
    if x1 < x2 and y1 < y2:
        picture[y1:y2, x1:x2] += lower[y1 - y0 : y2 - y0, x1 - x0 : x2 - x0, None] * tint


def clouds(canvas: Canvas) -> Painting:
    """Two layers of cloud, lit from one side, that pass at different speeds."""
    y, dice = canvas.y, canvas.dice
    size = (canvas.height, canvas.width)
    sky = gradient(canvas.colours[[0, 1, 2, 3]], np.broadcast_to(y, size))
    high = noise(dice, canvas.width * 2, canvas.height, octaves=4)
    low = noise(dice, canvas.width * 2, canvas.height * 2, octaves=5)
    lit, shaded = canvas.colours[4], canvas.colours[1] * 0.45 + canvas.colours[2] * 0.5
    speed = canvas.width / 45
    window = {"width": canvas.width, "height": canvas.height}
    reach = canvas.height / 26
    cover = 0.62 - 0.26 * y  # more cloud towards the ground

    def painting(t: float) -> Floats:
        far = smooth(0.5, 0.95, drift(high, t * speed * 0.4, 0, **window)) * 0.5
        body = drift(low, t * speed + 40, t * speed * 0.1, **window)
        towards_light = drift(low, t * speed + 40 - reach, t * speed * 0.1 - reach, **window)
        near = smooth(0, 0.2, body - cover)
        light = np.clip(0.62 + (body - towards_light) * 3.4 - (body - cover) * 0.5, 0, 1)[..., None]
        return mix(mix(sky, np.broadcast_to(lit, (*size, 3)), far), shaded + (lit - shaded) * light, near * 0.95)

    return painting


def ink(canvas: Canvas) -> Painting:
    """Folds of colour that turn into each other."""
    dice = canvas.dice
    x, y = (canvas.x - 0.5) * canvas.aspect, canvas.y - 0.5
    a, b, c, d = dice.uniform(0, 6.3, 4)
    scale = dice.uniform(1.7, 2.6)
    wheel = gradient(canvas.colours, np.linspace(0, 1, 256, dtype=np.float32))

    def painting(t: float) -> Floats:
        u = x * scale + 0.5 * np.sin(y * 4.1 + a + t * 0.21)
        v = y * scale + 0.5 * np.sin(x * 3.7 + b - t * 0.17)
        fold = np.sin(u * 2.3 + 1.4 * np.sin(v * 2.1 + t * 0.26 + c)) + np.sin(v * 2.7 + 1.1 * np.sin(u * 1.9 - t * 0.19 + d))
        thread = 0.07 * np.sin(fold * 15 + t * 0.3)
        place = np.clip(fold * 0.235 + 0.5 + thread, 0, 1)
        drawn: Floats = wheel[(place * 255).astype(np.uint8)]
        return drawn

    return painting


SCENES: dict[str, Callable[[Canvas], Painting]] = {"sea": sea, "dunes": dunes, "aurora": aurora, "city": city, "clouds": clouds, "ink": ink}
