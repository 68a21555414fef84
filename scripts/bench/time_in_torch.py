"""Times the cases of `kernelbook bench gpu` in PyTorch: eager operations, the fused scaled_dot_product_attention where the
case is attention, and torch.compile. Reads {"seconds": ..., "cases": [...]} from standard input and writes one JSON object
{"device": ..., "rows": [{"eager": spread, ...} per case]} to standard output. float32, or float16 where the case says f16.
A way whose result is not that of the eager operations has no time. The file must not be called torch.py: Python would
import it in place of PyTorch.
"""

import json
import sys
import time


def main():
    import torch
    import torch.nn.functional as F

    request = json.load(sys.stdin)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # The kernels they are compared with compute in float32.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)

    dtype = torch.float32

    def random(*shape):
        return torch.randn(*shape, device=device).to(dtype)

    def rms_norm(x, gain):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * gain

    def rotate(x, cos, sin, interleaved):
        if interleaved:
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)

    def attention(q, k, v):
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        logits = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        if q.shape[2] > 1:
            future = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=device).triu(1)
            logits = logits.masked_fill(future, float("-inf"))
        return logits.softmax(-1) @ v

    def sdpa(q, k, v):
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        return F.scaled_dot_product_attention(q, k, v, is_causal=q.shape[2] > 1)

    def describe(op, s):
        """The functions by way, and their inputs; those that need a gradient come first."""
        nonlocal dtype
        dtype = torch.float16 if " f16" in op else torch.float32
        op = op.split(" f16")[0]
        if op == "matmul":
            return {"eager": torch.matmul}, [random(s["M"], s["K"]), random(s["K"], s["N"])], 0
        if op == "rmsNorm":
            return {"eager": rms_norm}, [random(s["rows"], s["C"]), random(s["C"])], 2
        if op == "layerNorm":
            norm = lambda x, gain, bias: F.layer_norm(x, (s["C"],), gain, bias)
            return {"eager": norm}, [random(s["rows"], s["C"]), random(s["C"]), random(s["C"])], 3
        if op == "softmax":
            return {"eager": lambda x: x.softmax(-1)}, [random(s["rows"], s["C"])], 1
        if op == "crossEntropy":
            targets = torch.randint(s["V"], (s["rows"],), device=device)
            return {"eager": F.cross_entropy}, [random(s["rows"], s["V"]), targets], 1
        if op == "swiglu":
            gated = lambda value, gate: value * F.silu(gate)
            return {"eager": gated}, [random(s["rows"], s["F"]), random(s["rows"], s["F"])], 2
        if op.startswith("rope"):
            angles = torch.outer(
                torch.arange(s["T"], device=device, dtype=torch.float64),
                10000.0 ** (-torch.arange(0, s["D"], 2, device=device, dtype=torch.float64) / s["D"]),
            )
            table = [angles.cos().float(), angles.sin().float()]
            layout = op.endswith("interleaved")
            turn = lambda x, cos, sin: rotate(x, cos, sin, layout).to(x.dtype)
            return {"eager": turn}, [random(1, s["H"], s["T"], s["D"]), *table], 1
        if op in ("attention", "attention decode"):
            keys = (1, s["K"], s.get("S", s["T"]), s["D"])
            heads = [random(1, s["H"], s["T"], s["D"]), random(*keys), random(*keys)]
            return {"eager": attention, "sdpa": sdpa}, heads, 3
        return None

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    def spread(work, seconds):
        for _ in range(3):
            work()
        wait()
        samples = []
        start = time.perf_counter()
        while len(samples) < 3 or (len(samples) < 200 and time.perf_counter() - start < seconds):
            if device == "cuda":
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                begin.record()
                work()
                end.record()
                wait()
                samples.append(begin.elapsed_time(end) / 1e3)
            else:
                before = time.perf_counter()
                work()
                samples.append(time.perf_counter() - before)
        samples.sort()
        at = lambda share: samples[round(share * (len(samples) - 1))]
        return {"median": at(0.5), "low": at(0.25), "high": at(0.75), "samples": len(samples)}

    def optimizer_steps(n):
        def step(**options):
            parameter = torch.nn.Parameter(random(n))
            parameter.grad = random(n)
            return torch.optim.AdamW([parameter], **options).step

        ways = {"eager": step(foreach=False)}
        if device == "cuda":
            ways["compile"] = torch.compile(step(foreach=False, capturable=True))
        return ways

    def run(case):
        if case["op"] == "adamW":
            return {way: spread(work, request["seconds"]) for way, work in optimizer_steps(case["sizes"]["N"]).items()}
        described = describe(case["op"], case["sizes"])
        if described is None:
            return {}
        ways, inputs, differentiable = described
        ways = {**ways, "compile": torch.compile(ways["eager"], dynamic=False)}
        wanted = inputs[:differentiable] if case["gradient"] else []
        for tensor in wanted:
            tensor.requires_grad_()
        with torch.no_grad():
            expected = ways["eager"](*inputs)
        cotangent = torch.randn_like(expected)
        tolerance = 2e-2 if expected.dtype == torch.float16 else 1e-4
        times = {}
        for way, function in ways.items():

            def work(function=function):
                if wanted:
                    torch.autograd.grad(function(*inputs), wanted, cotangent)
                else:
                    with torch.no_grad():
                        function(*inputs)

            try:
                with torch.no_grad():
                    torch.testing.assert_close(function(*inputs), expected, rtol=tolerance, atol=tolerance)
                times[way] = spread(work, request["seconds"])
            except Exception as error:  # torch.compile needs a C++ compiler or Triton
                print(f"{case['op']} {way}: {str(error).splitlines()[0]}", file=sys.stderr)
        return times

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    rows = []
    for case in request["cases"]:
        rows.append(run(case))
        torch.compiler.reset()
    json.dump({"device": f"PyTorch {torch.__version__} on {name}", "rows": rows}, sys.stdout)


main()
