"""The whole of the Python interface: pretrain, look, embed, export, open again."""

from __future__ import annotations

import tacit


def main() -> None:
    run = tacit.pretrain(
        "simclr",
        data="vision/digits",
        encoder="vision/vit",
        out="runs/python-api",
        seed=0,
        settings={
            "epochs": 20,
            "encoder": {"name": "vision/vit", "size": 8, "patch": 2, "channels": 1},
            "objective": {"temperature": 0.2},
        },
    )
    step, name, value = run.metrics()[-1]
    print(f"step {step}: {name} {value:.4f}")
    for score in run.evaluate(probes=["linear", "knn"], seeds=[0]):
        print(score)
    embeddings = run.embed()
    print(tuple(embeddings.values.shape))
    run.export("exported", format="safetensors")
    again = tacit.load("runs/python-api")
    print(sum(p.numel() for p in again.encoder.parameters()), "parameters")


if __name__ == "__main__":
    main()
