"""`isotrope serve`: a web page and an API that read images and PDF files. No torch.

The server's process (`app`, on an event loop) takes requests and gives answers; it never opens an
image. Reading is done by processes of their own (`worker`), one request at a time each, behind one
queue of limited length (`queue`). A file that crashes or hangs its reader costs that one request.
"""
