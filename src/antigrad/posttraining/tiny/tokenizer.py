from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast
PAD, EOS, UNK = "[PAD]", "[EOS]", "[UNK]"
ALPHABET = "0123456789+-*= \n"
def make_tokenizer():
    vocabulary = {token: index for index, token in enumerate([PAD, EOS, UNK, *ALPHABET])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNK))
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token=PAD, eos_token=EOS, unk_token=UNK, padding_side="left", model_max_length=128, clean_up_tokenization_spaces=False)
