"""Import this module to register isotrope's models with transformers and peft.

    import isotrope.auto
    from transformers import AutoModel, AutoProcessor, pipeline

    model, processor = AutoModel.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    pipeline("text-recognition", folder)("word.png")

`folder` is that of a line recognizer (`weights/small`, or one that `isotrope train` wrote) or of a
`Recognizer`. `AutoConfig` and `AutoModelForImageTextToText` load it too, and
`PeftModel.from_pretrained` loads an adapter of such a model or of an `EquivariantViT`.
`pipeline("image-text-to-text")`, the successor of `"image-to-text"`, takes line recognizers.
"""

from __future__ import annotations

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.pipelines import PIPELINE_REGISTRY

from isotrope import lora
from isotrope.ocr.gsanet.config import RecognizerConfig
from isotrope.ocr.gsanet.processor import RecognizerImageProcessor
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.pretrained.model import LineConfig, LineRecognizerForCTC
from isotrope.ocr.pretrained.pipeline import RecognitionPipeline
from isotrope.ocr.pretrained.processor import LineProcessor

for config, model in ((RecognizerConfig, Recognizer), (LineConfig, LineRecognizerForCTC)):
    AutoConfig.register(config.model_type, config, exist_ok=True)
    for auto in (AutoModel, AutoModelForImageTextToText):
        auto.register(config, model, exist_ok=True)
    # The pipeline asks this list, which `register` leaves as it is.
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES[config.model_type] = model.__name__
AutoImageProcessor.register(
    RecognizerConfig, slow_image_processor_class=RecognizerImageProcessor, exist_ok=True
)
AutoProcessor.register(LineConfig, LineProcessor, exist_ok=True)
PIPELINE_REGISTRY.register_pipeline(
    "text-recognition", RecognitionPipeline, pt_model=AutoModel, type="image"
)
lora.register()
