from django.http import HttpRequest, HttpResponse


def overview(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def recipient(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse()
