"""Import this module to register isotrope's models with transformers and peft.

    import isotrope.auto
    from transformers import AutoModel, pipeline

    model = AutoModel.from_pretrained(folder)  # a `Recognizer`
    pipeline("text-recognition", folder)("word.png")

`AutoConfig`, `AutoModel`, `AutoModelForImageTextToText`, `AutoImageProcessor` and `pipeline` then
load a folder written by `Recognizer.save_pretrained`, and `PeftModel.from_pretrained` loads an
adapter of such a model or of an `EquivariantViT`.
"""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText
from transformers.pipelines import PIPELINE_REGISTRY

from isotrope import lora
from isotrope.ocr.gsanet.config import RecognizerConfig
from isotrope.ocr.gsanet.pipeline import RecognizerPipeline
from isotrope.ocr.gsanet.processor import RecognizerImageProcessor
from isotrope.ocr.gsanet.recognizer import Recognizer

AutoConfig.register(RecognizerConfig.model_type, RecognizerConfig, exist_ok=True)
AutoModel.register(RecognizerConfig, Recognizer, exist_ok=True)
AutoModelForImageTextToText.register(RecognizerConfig, Recognizer, exist_ok=True)
AutoImageProcessor.register(
    RecognizerConfig, slow_image_processor_class=RecognizerImageProcessor, exist_ok=True
)
PIPELINE_REGISTRY.register_pipeline(
    "text-recognition", RecognizerPipeline, pt_model=Recognizer, type="image"
)
lora.register()
