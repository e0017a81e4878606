"""Long work: many files read by one process or several, written as they come, and resumed.

- `inputs`: the files to read, one at a time, from folders and lists of any length.
- `survey`: a first pass over them, which counts them and gives their outputs names.
- `work`: what is done to a file, in this process or in another.
- `workers`: processes that do it, with results in the order of the files.
- `journal`: what is done already, synced to disk.
- `appended`: an output that grows beside its place and moves there when it is whole.
- `run`: the loop over the files.

Nothing here needs torch.
"""
