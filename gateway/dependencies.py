"""What handlers get by Depends beside the caller (auth/access.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from .context import Gateway


async def the_gateway(request: Request) -> Gateway:
    return request.app.state.gateway


TheGateway = Annotated[Gateway, Depends(the_gateway)]
