"""The designs that code is printed for: the reference nets, odd ones, random ones."""

from __future__ import annotations

from random import Random

REFERENCES = (
    "input 1,1,32,32 | conv2d 6 5 | tanh | avgpool2d 2 | conv2d 16 5 | tanh | avgpool2d 2 | conv2d 120 5 | tanh"
    " | flatten | linear 84 | tanh | linear 10",
    "input 1,3,224,224 | 2*(conv2d 64 3 p=same | relu) | maxpool2d 2 | 2*(conv2d 128 3 p=same | relu) | maxpool2d 2"
    " | 3*(conv2d 256 3 p=same | relu) | maxpool2d 2 | 2*(3*(conv2d 512 3 p=same | relu) | maxpool2d 2) | flatten"
    " | 2*(linear 4096 | relu | dropout) | linear 1000",
    "input 1,64,56,56 | add(conv2d 128 3 s=2 p=1 bias=false | batchnorm2d | relu | conv2d 128 3 p=1 bias=false"
    " | batchnorm2d ; conv2d 128 1 s=2 bias=false | batchnorm2d) | relu",
    "input 1,1,64,64 | 2*(conv2d 64 3 p=1 | relu) | cat dim=1 ( ; maxpool2d 2 | 2*(conv2d 128 3 p=1 | relu)"
    " | convtranspose2d 64 2 s=2) | 2*(conv2d 64 3 p=1 | relu) | conv2d 2 1",
    "input 1,197,768 | add(layernorm | mha 12 batch_first=true ; )"
    " | add(layernorm | linear 3072 | gelu | linear 768 ; )",
    "input 1,192,28,28 | cat dim=1 (conv2d 64 1 ; conv2d 96 1 | conv2d 128 3 p=1 ; conv2d 16 1 | conv2d 32 5 p=2"
    " ; maxpool2d 3 s=1 p=1 | conv2d 32 1)",
    "input 1,256,14,14 | mul( ; adaptiveavgpool2d 1 | conv2d 16 1 | relu | conv2d 256 1 | sigmoid)",
    "input 8,128 dtype=int64 | embedding 10000 128 | lstm 256 2 bidirectional=true batch_first=true"
    " | select dim=1 index=-1 | dropout 0.5 | linear 2",
)  # fmt: skip

VIT = (
    "input 1,3,224,224 | patch: conv2d 768 16 s=16 | flatten 2 | transpose 1 2 | cat dim=1 (cls: param 1,1,768; )"
    " | pos: add(; param 1,197,768) | blocks: 12*(add(layernorm | mha 12 batch_first=true ; )"
    " | add(layernorm | linear 3072 | gelu | linear 768 ; )) | layernorm | select dim=1 index=0 | linear 1000"
)

ODD = (
    VIT,
    # several outputs, references, parts of them
    "lstm 4",
    "linear 8 | lstm 4",
    "input 5,3,16 | enc: lstm 10 | lstm 10 hx=@enc.1",
    "input 5,3,16 | enc: lstm 16 | lstm 16 hx=@enc.1 | add @enc",
    "input 5,3,16 | enc: lstm 10 | pick 1.0",
    "input 5,3,16 | enc: lstm 16 | relu | add @enc.1.0",
    "input 5,3,16 | enc: gru 10 | gru 10 hx=@enc.1",
    "input 5,3,16 | 3*lstm 16 | linear 2",
    "input 5,3,16 | 3*(lstm 16 | dropout 0.1)",
    "input 5,3,16 | rnns: 3*(lstm 16 | dropout 0.1) | add @rnns",
    "input 3,16 | lstmcell 3 | lstmcell 3",
    "input 1,8,16 | chunk 2 dim=1 | pick 1",
    "input 1,16 | x: chunk 2 dim=1 | mul(@x; sigmoid @x.1)",
    "input 1,16 | x: chunk 2 dim=1 | mul @x.1",
    "input 2,10,48 | qkv: chunk 3 dim=2 | k: transpose 1 2 @qkv.1 | matmul(@qkv; @k) | softmax 2 | matmul @qkv.2",
    "input 1,16 | x: chunk 8 dim=1 | pick 5",
    "input 1,16 | chunk 4 dim=1",
    "input 1,3,8,8 | enc: 2*(conv2d 4 3 p=1 | relu) | pool: maxpool2d 2 return_indices=true"
    " | unpool: maxunpool2d 2 indices=@pool.1 | cat dim=1 @enc",
    "input 1,8,8,8 | maxpool2d 2 return_indices=true | maxunpool2d 2",
    "input 1,8,16 | mem: linear 16 | relu | mha 2 key=@mem value=@mem batch_first=true",
    "input 4,2,8 | add(mha 2 | pick 0; linear 8)",
    "input 4,2,8 | mha 2",
    "input 6,2,8 | mem: transformerencoder 2 heads=2 ff=8 | transformerdecoder 2 heads=2 ff=8 memory=@mem",
    "input 2,4,8,8 | adaptivemaxpool2d 2 return_indices=true",
    # losses and inputs that are assumed
    "linear 4 | crossentropyloss",
    "crossentropyloss weight=10 label_smoothing=0.1",
    "input 8,16 | linear 4 | logsoftmax 1 | nllloss",
    "input 8,16 | linear 4 | sigmoid | mseloss",
    "tripletmarginloss",
    "adaptivelogsoftmaxwithloss 10 cutoffs=3,5",
    "bilinear 4 in2=3",
    "cosinesimilarity",
    "embeddingbag 10 3",
    "input 1,16 | a: linear 3 | b: input 1,3 | add @a",
    "input 1,16 | a: linear 3 | add(@a ; mask: input 1,3 | sigmoid)",
    # labels, groups, repeats
    "stem: (conv2d 8 3 p=1 | batchnorm2d | relu) | head: (flatten | linear 10)",
    "input 1,3,8,8 | stem: (conv: conv2d 8 3 p=1 | bn: batchnorm2d | relu) | tail: relu",
    "input 1,8,8,8 | stage1: 2*(add(conv2d 8 3 p=1 | relu ; ) | relu)"
    " | stage2: 2*(add(conv2d 8 3 p=1 | relu ; ) | relu)",
    "input 1,8,8,8 | stage1: 2*(add(conv2d 8 3 p=1 | relu ; ) | relu) | stage2: 3*(add(conv2d 8 1 | relu ; ) | relu)",
    "input 1,4,8,8 | stage1: (conv2d 8 3 p=1 | add(conv2d 8 3 p=1 ; ))"
    " | stage2: (conv2d 16 3 p=1 | add(conv2d 16 1 ; ))",
    "input 1,8,8,8 | 3*cat dim=1 (; batchnorm2d | relu | conv2d 4 3 p=1)",
    "input 1,8,8,8 | dense: 3*cat dim=1 (; batchnorm2d | relu | conv2d 4 3 p=1) | relu",
    "input 1,8,8,8 | 4*add(conv2d 8 3 p=1 ; ) | relu",
    "2*(3*linear 16)",
    "5*linear 16",
    "input 2,4 | 5*(linear 16 | relu) | linear 3",
    "3*(2*(linear 16 | relu) | dropout 0.2)",
    "input 2,16 | 12*(linear 16 | relu)",
    "input 2,4 | 9*(linear 16 | 3*(relu | tanh) | dropout 0.1)",
    "input 1,24,8,8 | add(expand: conv2d 144 1 | batchnorm2d | relu6 | conv2d 24 1 ; )",
    "x: 2*(y: 2*(linear 16 | relu) | z: relu)",
    "2*(a: linear 4 | relu)",
    "a: (linear 3 | relu) | b: (linear 3 | add @a)",
    "input 1,2,3,3 | f: (pad 1,1,1,1 | add(conv2d 2 3 ; crop 3)) | relu | f2: relu",
    "a: (linear 16 | b: (relu | linear 16 | c: add(; linear 16)) | add @b) | add @c",
    "input 1,4,16,16 | e1: (conv2d 8 3 p=1 | relu) | p1: maxpool2d 2 | e2: (conv2d 16 3 p=1 | relu)"
    " | up: convtranspose2d 8 2 s=2 | cat dim=1 @e1 | d1: (conv2d 8 3 p=1 | relu) | conv2d 1 1",
    "forward: linear 4 | train: linear 4 | lambda: linear 4 | self: relu | torch: add @self | x: relu | add @x @train",
    "input 2,8 | l1: linear 8 | l2: linear 8 | l3: linear 8 | cat dim=1 @l1 @l2 @l3",
    "input 2,8 | add(add(linear 8 ; relu) ; mul( ; sigmoid)) | maximum( ; tanh ; relu) | minimum( ; linear 1)",
    "input 2,8 | sub( ; relu ; sigmoid ; mul(; tanh))",
    "input 2,8 | stack dim=1 ( ; linear 8 | relu ; gelu) | mean 1",
    "input 8,1,4 | cat dim=1 (param 1,1,4; )",
    "input 8,3,4 | tok: cat dim=1 (param 1,1,4; linear 4) | mul(; scale: param 4)",
    "identity", "identity | identity", "input 1,3 | add(identity ; relu)", "relu",
    "input 1,64,8,8 | cat dim=1 (conv2d 64 1 | batchnorm2d | relu ; conv2d 64 3 p=1 | batchnorm2d | relu"
    " ; conv2d 64 5 p=2 | batchnorm2d | relu ; maxpool2d 3 s=1 p=1 | conv2d 64 1 ; conv2d 64 1 ; conv2d 64 7 p=3)",
    # operations of every kind
    "input 2,3,4,5 | reshape 2,12,5 | permute 0,2,1 | transpose 1 2 | unsqueeze 1 | squeeze 1 | flatten 1",
    "input 2,3,4,5 | select 1 0 | select dim=-1 index=-1 | select 0 1",
    "input 2,1,4,5,6 | select dim=-2 index=1 | squeeze dim=1 | select 2 2",
    "input 2,1,3,1,2,4 | select 4 1", "input 1,1,4 | expand 5,3,4", "input 1,1,4 | expand 7,5,3,-1",
    "input 1,20,8 | narrow 1 1 19", "input 1,20,8 | narrow dim=2 start=0 length=4", "input 1,20,8 | narrow -1 2 6",
    "input 1,20,8 | narrow dim=-2 start=3 length=6", "input 1,20,8 | narrow 1 20 0",
    "mean", "mean 2,3", "mean dim=1 keepdim=true", "mean keepdim=true", "sum 1", "amax dim=2,3", "input 0,3 | sum",
    "crop 5", "crop 5,3", "crop 7", "pad 1,1", "pad 0,1,0,1 value=0.5", "pad -1,-1", "input 5 | crop 3",
    "input 2,6 | matmul(reshape 2,1,6 ; reshape 2,6,1)",
    # arguments
    "conv2d 8 3x5 s=2,1 p=1 d=2 g=1 padding_mode=circular", "conv2d g=in 6 3", "maxpool2d 2 2", "maxpool2d 3 2 p=1",
    "conv2d k=3 p=same bias=false", "upsample scale_factor=2 mode=bilinear", "upsample size=8,9", "flatten 0 1",
    "batchnorm2d momentum=none", "groupnorm 1 | leakyrelu 0.2 | prelu", "layernorm 16,16", "input 2,4 | layernorm 4",
    "softmax dim=1", "hardtanh -2 2", "threshold 1 2", "constantpad2d 1 3.5", "zeropad2d 1,2,3,4",
    "gelu approximate=tanh", "lazyconv2d 4 3", "lazylinear 4", "unflatten 1 3,16", "transformerencoderlayer 4",
    "transformer", "lppool2d 2 2", "fractionalmaxpool2d 2 output_size=3,3", "dropout", "dropout 0.5", "dropout p=0.25",
    "nn.Conv2d(3, 8, kernel_size=3, padding='same') | relu", "nn.Linear(16, 3)",
    "nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True))",
)  # fmt: skip

KEEPS = (
    "conv2d 8 3 p=1", "conv2d 8 1 bias=false", "batchnorm2d", "relu", "gelu", "groupnorm 2", "dropout 0.1", "identity",
    "conv2d 8 3 p=same g=in", "maxpool2d 3 1 1", "add(; param 8,1,1)", "permute 0,1,3,2",
    "mul(; mean dim=2,3 keepdim=true)",
    "cat dim=1 (narrow 1 0 4; narrow 1 4 4)", "pad 1,1,1,1 | crop 4", "softmax 1",
)  # fmt: skip


class Drawn:
    """A design whose every value is of one shape, so that anything may follow and be merged with anything."""

    def __init__(self, seed: str) -> None:
        self.r = Random(seed)
        self.labels: list[str] = []
        self.count = 0

    def chain(self, depth: int) -> str:
        return " | ".join(self.step(depth) for _ in range(self.r.randint(1, 4)))

    def step(self, depth: int) -> str:
        r = self.r
        label = f"{r.choice(('enc', 'x', 'stage', 'y'))}{self.count}" if r.random() < 0.3 else ""
        self.count += 1
        choice = r.random()
        if depth and choice < 0.25:
            text = f"({self.chain(depth - 1)})"
        elif depth and choice < 0.55:
            branches = [self.chain(depth - 1) if r.random() < 0.7 else "" for _ in range(r.randint(2, 3))]
            text = f"{r.choice(('add', 'mul', 'maximum'))}({' ; '.join(branches)})"
        elif self.labels and choice < 0.75:
            text = f"{r.choice(('add', 'sub'))} @{r.choice(self.labels)}"
        else:
            text = r.choice(KEEPS)
            text = f"({text})" if "|" in text else text
        times = r.choice(("", "", "", "", "2*", "3*")) if depth < 2 else ""
        if label:
            self.labels.append(label)
        return f"{f'{label}: ' if label else ''}{times}{text}"
