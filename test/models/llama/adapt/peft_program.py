"""Loads adapters with the real peft, or makes them there: a job of JSON on stdin, logits of JSON on stdout.

{"base": folder, "ids": [[...]], "load": {name: adapter folder}, "make": {name: [config class, fields, folder to save in]}}
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import peft
import torch
import transformers

transformers.logging.set_verbosity_error()
job = json.load(sys.stdin)
ids = torch.tensor(job["ids"])


def base():
    return transformers.LlamaForCausalLM.from_pretrained(job["base"], dtype=torch.float32).eval()


def logits(model):
    with torch.no_grad():
        return model(input_ids=ids).logits.double().tolist()


out = {"versions": {m.__name__: m.__version__ for m in (peft, torch, transformers)}, "load": {}, "make": {}}
for name, folder in job["load"].items():
    out["load"][name] = logits(peft.PeftModel.from_pretrained(base(), folder).eval())
torch.manual_seed(0)
for name, (kind, fields, folder) in job["make"].items():
    config = getattr(peft, kind)(task_type="CAUSAL_LM", **fields)
    model = peft.get_peft_model(base(), config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    out["make"][name] = logits(model)
json.dump(out, sys.stdout)
