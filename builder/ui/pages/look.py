"""Where the network looks: Grad-CAM and occlusion of one sample, for any class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from builder.ui.insight import Insight
from builder.ui.pages.charts import likelihoods
from builder.ui.pages.common import plain
from builder.ui.pages.inside import sample
from builder.ui.texts import text
from schemas.errors import TsumikiError

TOP = 10
"""Classes whose probabilities are shown."""


def section(insight: Insight) -> None:
    """Draw one sample, its answer, and where the answer comes from."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        x, label = sample(insight, "look:sample")
        st.caption(text("look.truth", truth=plain(label)))
        count = 2 if insight.net.task == "binary" and insight.net.output_shape[0] == 1 else insight.net.output_shape[0]
        said = int(answer(insight, x)[1])
        every = [None, *range(count)] if count > 1 else [None]
        chosen = st.selectbox(
            text("look.class"), every, key="look:class",
            format_func=lambda k: text("look.said", said=insight.name(said)) if k is None else insight.name(k),
        )  # fmt: skip
        if insight.net.task != "regression":
            st.altair_chart(likelihoods(answer(insight, x)[0], text("answers.likelihood")), width="stretch")
    with right:
        explain(insight, x, chosen)


def answer(insight: Insight, x: np.ndarray) -> tuple[dict[str, float], int]:
    """Return the likeliest classes of one sample with their probabilities, and the answer's number."""
    prediction = insight.net.predict(x)[0].reshape(-1).astype(float)
    if insight.net.task == "binary" and len(prediction) == 1:
        prediction = np.array([1 - prediction[0], prediction[0]])
    order = np.sort(np.argsort(-prediction, kind="stable")[:TOP])
    return {insight.name(int(k)): float(prediction[k]) for k in order}, int(prediction.argmax())


def explain(insight: Insight, x: np.ndarray, output: int | None) -> None:
    """Draw the sample, Grad-CAM and occlusion beside each other."""
    from builder.report.explain.gradcam import grad_cam
    from builder.report.explain.look import drawn
    from builder.report.explain.occlusion import occlusion
    from builder.report.explain.probe import images

    own = x[0].reshape(images(insight.net, "Occlusion"))
    shown, captions = [drawn(own, 220)], [text("look.input")]
    side = max(own.shape[1:])
    covered = occlusion(insight.net, x[0], output, stride=max(1, side // 16))
    shown.append(drawn(own, 220, np.maximum(covered.heat, 0)))
    captions.append(text("look.occlusion", drop=max(float(covered.drop.max()), 0.0), patch=covered.patch[1]))
    try:
        cam = grad_cam(insight.net, x, None if output is None else [output])
        shown.insert(1, drawn(own, 220, cam.heat[0]))
        captions.insert(1, text("look.cam", layer=plain(cam.layer)))
    except TsumikiError as error:
        st.caption(plain(error))
    for place, image, caption in zip(st.columns(len(shown)), shown, captions, strict=True):
        with place:
            st.image(image, width="stretch")
            st.caption(caption)
    st.caption(text("look.why"))
